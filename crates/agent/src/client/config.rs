//! Configuration file of the commands that ask an agent: named targets, with their tokens.

use std::{
    collections::BTreeMap,
    env, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::regular;

/// File in the configuration folder of the user.
const FILE: &str = "nvidia-smi-web-agent/config.toml";
/// Maximum size in bytes, of the file and of a token's file.
const MAX_BYTES: u64 = 1 << 20;
/// Permissions of the group and of others to read.
const READABLE_BY_OTHERS: u32 = 0o044;

/// Content of the file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ClientConfig {
    /// Name of the target that is asked if none is named.
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) targets: BTreeMap<String, NamedTarget>,
    #[serde(flatten)]
    other: BTreeMap<String, toml::Value>,
    /// File it was read from.
    #[serde(skip)]
    pub(super) path: PathBuf,
    /// Problems that do not prevent its use.
    #[serde(skip)]
    pub(super) warnings: Vec<String>,
}

/// An agent with a name.
#[derive(Clone, Deserialize)]
pub(super) struct NamedTarget {
    pub(super) url: String,
    token: Option<String>,
    token_file: Option<PathBuf>,
    /// Authorities of its certificate (PEM), instead of those that this host trusts.
    ca_file: Option<PathBuf>,
    #[serde(flatten)]
    other: BTreeMap<String, toml::Value>,
}

impl std::fmt::Debug for NamedTarget {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("NamedTarget").field("url", &self.url).finish_non_exhaustive()
    }
}

impl ClientConfig {
    /// Reads the file that was named, or the user's own. Of that, one that is missing or unreadable counts as empty.
    ///
    /// # Errors
    /// One line: the named file cannot be read, or a file is not TOML of the expected form.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, String> {
        let Some(path) = named.map(Path::to_path_buf).or_else(default_path) else { return Ok(Self::default()) };
        match regular::read_text(&path, MAX_BYTES) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if named.is_some() || error.kind() == io::ErrorKind::InvalidData => {
                Err(format!("cannot read the configuration file {}: {error}", path.display()))
            }
            Err(_) => Ok(Self::default()),
        }
    }

    fn parse(text: &str, path: PathBuf) -> Result<Self, String> {
        let shown = path.display();
        let mut config: Self = toml::from_str(text).map_err(|error| {
            // The whole error would show the line, which may have a token.
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            format!(
                "cannot use the configuration file {shown}: line {line}: {}; expected [targets.NAME] with url, and token or \
                 token_file",
                error.message()
            )
        })?;
        let unknown = config.other.keys().cloned();
        let of_targets = config
            .targets
            .iter()
            .flat_map(|(name, target)| target.other.keys().map(move |key| format!("targets.{name}.{key}")));
        for key in unknown.chain(of_targets).collect::<Vec<_>>() {
            config.warnings.push(format!(
                "{shown} has the unknown key {key:?}; known are default, and url, token, token_file and ca_file of a target"
            ));
        }
        if config.targets.values().any(|target| target.token.is_some()) {
            config.warnings.extend(readable_by_others(&path));
        }
        if let Some(default) = config.default.as_ref().filter(|name| !config.targets.contains_key(*name)) {
            return Err(format!(
                "cannot use the configuration file {shown}: its default {default:?} is not one of its targets{}",
                config.known()
            ));
        }
        config.path = path;
        Ok(config)
    }

    /// Names of the targets, for errors.
    pub(super) fn known(&self) -> String {
        let names: Vec<&str> = self.targets.keys().map(String::as_str).collect();
        if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
    }

    /// Path of a file that this file names.
    fn beside(&self, path: &Path) -> PathBuf {
        let home = path.strip_prefix("~").ok().and_then(|rest| Some(PathBuf::from(env::var_os("HOME")?).join(rest)));
        home.unwrap_or_else(|| self.path.parent().map_or_else(|| path.into(), |folder| folder.join(path)))
    }

    /// File with the authorities of a target's certificate.
    pub(super) fn ca_file(&self, target: &NamedTarget) -> Option<PathBuf> {
        target.ca_file.as_deref().map(|path| self.beside(path))
    }

    /// Token of a target.
    ///
    /// # Errors
    /// One line: its file cannot be used.
    pub(super) fn token(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(target) = self.targets.get(name) else { return Ok(None) };
        match (&target.token, &target.token_file) {
            (Some(_), Some(_)) => Err(format!(
                "cannot use the configuration file {}: targets.{name} has token and token_file; remove one",
                self.path.display()
            )),
            (Some(token), None) => checked(token, &format!("token of targets.{name}")).map(Some),
            (None, Some(file)) => {
                let path = self.beside(file);
                let (token, warning) = token_in(&path)?;
                self.warnings.extend(warning);
                Ok(Some(token))
            }
            (None, None) => Ok(None),
        }
    }
}

/// The file in the user's configuration folder; none without a home.
fn default_path() -> Option<PathBuf> {
    let given = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    given("XDG_CONFIG_HOME").or_else(|| given("HOME").map(|home| home.join(".config"))).map(|folder| folder.join(FILE))
}

/// Token in a file, with a warning if others can read it.
///
/// # Errors
/// One line: the file cannot be read, or has something else.
pub(super) fn token_in(path: &Path) -> Result<(String, Option<String>), String> {
    let shown = path.display();
    let text = regular::read_text(path, MAX_BYTES)
        .map_err(|error| format!("cannot read the token file {shown}: {error}; expected a file with one token"))?;
    Ok((checked(&text, &format!("file {shown}"))?, readable_by_others(path)))
}

/// Token without white space at its ends.
///
/// # Errors
/// One line: it is empty, or cannot be in a header.
pub(super) fn checked(token: &str, source: &str) -> Result<String, String> {
    let token = token.trim();
    if token.is_empty() || token.contains(|character: char| character.is_control()) {
        return Err(format!("expected one token without control characters in the {source}"));
    }
    Ok(token.into())
}

fn readable_by_others(path: &Path) -> Option<String> {
    let mode = path.metadata().ok()?.mode();
    (mode & READABLE_BY_OTHERS != 0).then(|| {
        let shown = path.display();
        format!("other accounts can read {shown}, which has a token; run chmod 600 {shown}")
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn parsed(text: &str) -> Result<ClientConfig, String> {
        ClientConfig::parse(text, "/nonexistent/config.toml".into())
    }

    #[test]
    fn targets_read_with_their_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(folder.path().join("lab.token"), "of-lab\n").unwrap();
        fs::write(
            &path,
            "default = 'lab'\n[targets.gpu01]\nurl = 'https://gpu01/x'\ntoken = 'of-gpu01'\nca_file = 'ca.pem'\n\
             [targets.lab]\nurl = 'lab:81'\ntoken_file = 'lab.token'\n[targets]\nopen = { url = 'gpu03' }\n",
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let mut config = ClientConfig::read(Some(&path)).unwrap();
        assert_eq!(config.warnings, Vec::<String>::new());
        assert_eq!(config.default.as_deref(), Some("lab"));
        assert_eq!(config.known(), " (gpu01, lab, open)");
        for (name, token) in [("gpu01", Some("of-gpu01")), ("lab", Some("of-lab")), ("open", None), ("none", None)] {
            assert_eq!(config.token(name).unwrap().as_deref(), token, "{name}");
        }
        assert_eq!(config.ca_file(&config.targets["gpu01"].clone()), Some(folder.path().join("ca.pem")));
        assert!(config.warnings[0].contains("lab.token") && config.warnings[0].contains("chmod 600"), "{config:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let config = ClientConfig::read(Some(&path)).unwrap();
        assert!(config.warnings[0].contains("config.toml"), "{config:?}");
        assert!(!format!("{config:?}").contains("of-gpu01"), "tokens are never logged");
    }

    #[test]
    fn named_file_must_be_readable() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("none"), folder.path().to_path_buf()] {
            let error = ClientConfig::read(Some(&path)).unwrap_err();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }

    #[test]
    fn invalid_file_named_with_line_and_without_token() {
        for (text, parts) in [
            ("[targets.a]\nurl = 'a'\ntoken = secret\n", &["line 3", "config.toml"][..]),
            ("[targets.a]\ntoken = 'secret'\n", &["url", "config.toml"]),
            ("targets = 1\n", &["line 1"]),
            ("default = 'b'\n[targets.a]\nurl = 'a'\n", &["\"b\"", "(a)"]),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
            for part in parts {
                assert!(error.contains(part), "{error:?} lacks {part:?}");
            }
        }
        let warnings = parsed("fleet = 1\n[targets.a]\nurl = 'a'\ntokn = 'x'\n").unwrap().warnings;
        assert!(warnings[0].contains("\"fleet\"") && warnings[1].contains("targets.a.tokn"), "{warnings:?}");
        let mut both = parsed("[targets.a]\nurl = 'a'\ntoken = 'x'\ntoken_file = 'y'\n").unwrap();
        assert!(both.token("a").unwrap_err().contains("remove one"));
        let mut split = parsed("[targets.a]\nurl = 'a'\ntoken = \"x\\ny\"\n").unwrap();
        assert!(split.token("a").unwrap_err().contains("targets.a"));
    }
}
