//! `.env` in the working directory: the Python agent's three variables and no others, because a file that happens to be
//! there must not choose a library to load.

use std::{io, path::Path};

use server::encoding_of_text;

use crate::regular;

/// Maximum size in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Variables of the file; none if it does not set them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DotEnv {
    pub(crate) port: Option<String>,
    pub(crate) url_prefix: Option<String>,
    pub(crate) token: Option<String>,
}

impl DotEnv {
    /// Reads the file; an absent file is empty. The error names the file and, if it is safe, the line.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        match regular::read(path, MAX_BYTES) {
            Ok(bytes) => Self::parse(&bytes).map_err(|error| format!("cannot read {}: {error}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("cannot read {}: {error}; make it readable or remove it", path.display())),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        if let Some(problem) = encoding_of_text::problem(bytes) {
            return Err(problem.into());
        }
        let mut found = Self::default();
        for item in dotenvy::from_read_iter(bytes) {
            let (name, value) = item.map_err(|error| redacted(&error))?;
            match name.as_str() {
                "PORT" => found.port = Some(value),
                "URL_PREFIX" => found.url_prefix = Some(value),
                "TOKEN" => found.token = Some(value),
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Describes an error without quoting the line: it may contain the token, and so may the text before its `=` if a value
/// spans two lines. Only known names are quoted.
fn redacted(error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(line, position) => {
            let name = line.split('=').next().unwrap_or_default().trim();
            let name = name.strip_prefix("export").unwrap_or(name).trim();
            let known = ["PORT", "URL_PREFIX", "TOKEN"].iter().find(|known| **known == name);
            let line = known.map_or_else(|| "a line".to_owned(), |name| format!("the line of {name:?}"));
            format!("{line} is invalid at character {position}; quote its value")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dotenv_sets_three_variables_only() {
        let file = b"# comment\nPORT=9000\nexport URL_PREFIX='/a/b'\nTOKEN=\"x y\"\nNVSMI_NVML_LIBRARY=/evil.so\n";
        let found = DotEnv::parse(file).unwrap();
        assert_eq!(found.port.as_deref(), Some("9000"));
        assert_eq!(found.url_prefix.as_deref(), Some("/a/b"));
        assert_eq!(found.token.as_deref(), Some("x y"));
    }

    #[test]
    fn dotenv_broken_line_named_without_value() {
        let error = DotEnv::parse(b"TOKEN='secret\n").unwrap_err();
        assert!(error.contains("TOKEN") && !error.contains("secret"), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_tolerated(bytes in any::<Vec<u8>>()) {
            let _ = DotEnv::parse(&bytes);
        }

        #[test]
        fn file_like_input_tolerated_and_errors_hide_secrets(
            lines in prop::collection::vec("(export |#|TOKEN|PORT|URL_PREFIX|A|=|[\"'\\\\$ {}\n]|secret|\\PC){0,12}", 0..6),
        ) {
            if let Err(error) = DotEnv::parse(lines.join("\n").as_bytes()) {
                prop_assert!(!error.contains("secret"), "{}", error);
            }
        }
    }

    #[test]
    fn dotenv_of_other_encoding_is_refused() {
        // Without this the first variable, which may be the token, would have another name.
        let error = DotEnv::parse(b"\xef\xbb\xbfTOKEN=secret\n").unwrap_err();
        assert!(error.contains("byte order mark") && !error.contains("secret"), "{error}");
        let utf_16: Vec<u8> = "TOKEN=secret".bytes().flat_map(|byte| [byte, 0]).collect();
        assert!(DotEnv::parse(&utf_16).unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn dotenv_error_hides_multiline_value() {
        let error = DotEnv::parse(b"TOKEN=first\nsecret part==\n").unwrap_err();
        assert!(error.contains("a line") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn dotenv_missing_is_fine_unreadable_is_error() {
        let folder = std::env::temp_dir();
        assert_eq!(DotEnv::read(&folder.join("there is no such file")), Ok(DotEnv::default()));
        // A directory cannot be read as a file, not even by root.
        assert!(DotEnv::read(&folder).unwrap_err().contains("cannot read"));
    }
}
