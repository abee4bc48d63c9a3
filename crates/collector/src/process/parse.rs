//! The few fields of `/proc`'s files that are needed. Pure: bytes in, a value or none out.
//!
//! Of ours rather than a library's: the one tried panicked on a malformed `stat`, and these are three lines each.

/// What `stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// Field 3.
    pub(super) state: u8,
    /// Field 22, in clock ticks since boot.
    pub(super) start_ticks: u64,
}

/// `/proc/PID/stat`. The name in field 2 may hold anything, parentheses and newlines included, so fields are counted
/// from the last `)`.
pub(super) fn stat(bytes: &[u8]) -> Option<Stat> {
    let end_of_name = bytes.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&bytes[end_of_name + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    // The state is field 3, and the next that `nth` gives field 4.
    let start_ticks = fields.nth(22 - 4)?.parse().ok()?;
    Some(Stat { state, start_ticks })
}

/// The real user id: the first number of the line `Uid:` in `/proc/PID/status`. The name stands in a line before it
/// with its newlines escaped.
pub(super) fn real_uid(bytes: &[u8]) -> Option<u32> {
    number_after(bytes, "Uid:")
}

/// A line of `/proc/meminfo`, in bytes.
pub(super) fn memory(bytes: &[u8], key: &str) -> Option<u64> {
    number_after::<u64>(bytes, key)?.checked_mul(1024)
}

fn number_after<T: std::str::FromStr>(bytes: &[u8], key: &str) -> Option<T> {
    let line = bytes.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(key.as_bytes()))?;
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// Arguments end in a NUL each; a process that wrote its own title may have left out the last. What is not UTF-8 is
/// U+FFFD.
pub(super) fn arguments(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|&byte| byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAT: &str = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 4321 9 9";

    #[test]
    fn fields_are_counted_after_the_name() {
        assert_eq!(stat(STAT.as_bytes()), Some(Stat { state: b'S', start_ticks: 4321 }));
        for broken in ["", ")", ")(", "7 (a", "7 (a) S 1 2", "7 (a) S 1 7 7 0 -1 4 1 0 0 0 1 2 0 0 20 0 1 0 x"] {
            assert_eq!(stat(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn keys_are_found_at_the_beginning_of_a_line() {
        assert_eq!(real_uid(b"Name:\tUid:\nUid:\t1000\t0\t0\t0\n"), Some(1000));
        assert_eq!(real_uid(b"Name:\tx\n"), None);
        assert_eq!(memory(b"MemTotal:       24 kB\nMemAvailable: 5 kB\n", "MemAvailable:"), Some(5120));
        assert_eq!(memory(b"MemTotal: 99999999999999999999 kB\n", "MemTotal:"), None);
        assert_eq!(memory(b"MemTotal: 18446744073709551615 kB\n", "MemTotal:"), None);
    }

    #[test]
    fn arguments_are_split_at_nul_and_decoded() {
        assert_eq!(arguments(b"python\0a b\0\0x\0"), ["python", "a b", "", "x"]);
        assert_eq!(arguments(b"title without end"), ["title without end"]);
        assert_eq!(arguments(b"bad \xFF\0"), ["bad \u{FFFD}"]);
        assert!(arguments(b"").is_empty() && arguments(b"\0").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(bytes in any::<Vec<u8>>()) {
            let _ = stat(&bytes);
            let _ = real_uid(&bytes);
            let _ = memory(&bytes, "");
            let _ = arguments(&bytes);
        }

        #[test]
        fn changed_files_are_borne(place in any::<prop::sample::Index>(), with in any::<Vec<u8>>(), file in 0..3_usize) {
            let mut bytes = [STAT, "Name:\tx\nUid:\t1000\t0\t0\t0\n", "MemTotal: 24 kB\n"][file].as_bytes().to_vec();
            let place = place.index(bytes.len());
            bytes.splice(place..(place + with.len() / 2).min(bytes.len()), with);
            let _ = stat(&bytes);
            let _ = real_uid(&bytes);
            let _ = memory(&bytes, "MemTotal:");
            prop_assert!(arguments(&bytes).len() <= bytes.len() + 1);
        }

        #[test]
        fn a_name_changes_nothing(name in any::<Vec<u8>>()) {
            let mut bytes = b"7 (".to_vec();
            bytes.extend(name);
            bytes.extend(&STAT.as_bytes()[4..]);
            prop_assert_eq!(stat(&bytes), Some(Stat { state: b'S', start_ticks: 4321 }));
        }
    }
}
