//! What of the parent's environment the collector gets: all but our own settings and secrets, since it loads the
//! vendor's library. Its settings come as flags; what the library itself reads passes.

use std::ffi::OsStr;

/// Whether a variable stays with the parent.
pub(super) fn is_kept_back(name: &OsStr) -> bool {
    const NAMES: [&str; 5] = ["TOKEN", "PORT", "URL_PREFIX", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"];
    const BEGINNINGS: [&str; 3] = ["NVSMI_", "WATCHDOG_", "LISTEN_"];
    let bytes = name.as_encoded_bytes();
    NAMES.iter().any(|known| bytes == known.as_bytes())
        || BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_keeps_library_variables_only() {
        let kept = |name: &str| is_kept_back(OsStr::new(name));
        for name in ["TOKEN", "NVSMI_INTERVAL", "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "CREDENTIALS_DIRECTORY"]
        {
            assert!(kept(name), "{name}");
        }
        for name in ["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "RUNTIME_DIRECTORY", "PATH", "TOKENS", "XNVSMI_"] {
            assert!(!kept(name), "{name}");
        }
    }
}
