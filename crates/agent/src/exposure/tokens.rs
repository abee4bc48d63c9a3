//! File of `--token-file`.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use server::{Token, Tokens};
use tokio::sync::watch;

use super::files::{FileState, Watched, file_states};
use crate::{notes, regular};

/// Topic of the note while the file is invalid.
const NOTE: &str = "tokens";
/// Maximum size in bytes, more than the maximum number of tokens takes.
const MAX_BYTES: u64 = 1 << 20;

const EXPECTED: &str = "expected lines of a name, a scope (read, summary or metrics) and a token; a file with a comment line \
                        (#) and no token revokes all tokens of a running agent";

/// The file, and its tokens.
#[derive(Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    /// TOKEN, which must not be in the file as well.
    own: Option<Token>,
    newest: Arc<watch::Sender<Arc<Tokens>>>,
    seen: Vec<FileState>,
}

impl TokenFile {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, a line is invalid, or it has no token.
    pub(super) fn open(path: PathBuf, own: Option<Token>) -> io::Result<Self> {
        let seen = file_states(&[&path]);
        let tokens = read(&path, own.as_ref())?;
        if tokens.is_empty() {
            return Err(io::Error::other(format!("the token file {} has no token; {EXPECTED}", path.display())));
        }
        Ok(Self { path, own, newest: Arc::new(watch::channel(Arc::new(tokens)).0), seen })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tokens now and after each reload.
    pub(crate) fn tokens(&self) -> watch::Receiver<Arc<Tokens>> {
        self.newest.subscribe()
    }

    /// Checks whether every account of this host can read it.
    pub(super) fn is_world_readable(&self) -> bool {
        super::is_world_readable(&self.path)
    }

    pub(super) fn watched(&self) -> Watched {
        let (path, own, newest) = (self.path.clone(), self.own.clone(), Arc::clone(&self.newest));
        Watched {
            paths: vec![path.clone()],
            seen: self.seen.clone(),
            read: Box::new(move || reload(&path, own.as_ref(), &newest)),
        }
    }
}

/// Replaces the tokens, unless the file is invalid.
fn reload(path: &Path, own: Option<&Token>, newest: &watch::Sender<Arc<Tokens>>) {
    match read(path, own) {
        Ok(tokens) => {
            let count = tokens.names().count();
            newest.send_replace(Arc::new(tokens));
            notes::clear(NOTE);
            tracing::info!(path = %path.display(), tokens = count, "reloaded the token file");
        }
        Err(error) => {
            tracing::error!("keeping the previous tokens: {error}");
            // Without the error, which names a token's owner.
            let path = path.display();
            notes::set(
                NOTE,
                format!(
                    "the token file {path} cannot be used, and the previous tokens stay valid: see the log, or run `check`"
                ),
            );
        }
    }
}

fn read(path: &Path, own: Option<&Token>) -> io::Result<Tokens> {
    let shown = path.display();
    let text = regular::read(path, MAX_BYTES).map_err(|error| {
        let fix = "set --token-file to a file that the agent's account can read";
        io::Error::new(error.kind(), format!("cannot read the token file {shown}: {error}; {fix}"))
    })?;
    if text.trim_ascii().is_empty() {
        // A program that truncates before it writes, or a full disk, must not revoke every token.
        return Err(io::Error::other(format!("the token file {shown} has no token, since it is empty; {EXPECTED}")));
    }
    let tokens = Tokens::parse(&text).map_err(|error| io::Error::other(format!("the token file {shown}, {error}")))?;
    match own.and_then(|own| tokens.name_of(own)) {
        Some(name) => Err(io::Error::other(format!(
            "the token file {shown} has the same token as TOKEN, named {name:?}; remove one"
        ))),
        None => Ok(tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const LINE: &str = "board summary 0123456789abcdef\n";

    fn error(path: &Path) -> String {
        TokenFile::open(path.into(), Token::new("of-the-environment")).unwrap_err().to_string()
    }

    #[test]
    fn tokens_error_names_file_line_remedy_but_no_token() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tokens");
        assert!(error(&path).contains("cannot read the token file") && error(&path).contains("--token-file"));
        for (content, parts) in [
            ("# only\n\n", ["has no token", "a name, a scope"]),
            ("", ["since it is empty", "comment line"]),
            ("\n \t\n", ["is empty", "a name, a scope"]),
            ("# one\nboard 0123456789abcdef\n", ["line 2", "got 2 parts"]),
            ("board summary of-the-environment\n", ["same token as TOKEN", "\"board\""]),
        ] {
            fs::write(&path, content).unwrap();
            let error = error(&path);
            for part in parts {
                assert!(error.contains(part) && error.contains(path.to_str().unwrap()), "{error:?} lacks {part:?}");
            }
            assert!(!error.contains("0123456789abcdef") && !error.contains("of-the-environment"), "{error}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(error(&path).contains("cannot read the token file"));
    }

    #[test]
    fn tokens_kept_until_valid_replacement() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tokens");
        fs::write(&path, LINE).unwrap();
        let file = TokenFile::open(path.clone(), None).unwrap();
        let (watched, tokens) = (file.watched(), file.tokens());
        let names = || tokens.borrow().names().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        for (content, expected) in [
            (Some("broken"), &["board"][..]),
            (None, &["board"]),
            (Some("a read 0123456789abcdefg\nb metrics 0123456789abcdefh"), &["a", "b"]),
            (Some(""), &["a", "b"]),
            (Some(" \n\t\r\n"), &["a", "b"]),
            (Some("# all are taken back\n"), &[]),
        ] {
            match content {
                Some(content) => fs::write(&path, content).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            (watched.read)();
            assert_eq!(names(), expected, "{content:?}");
            let valid = content.is_some_and(|content| content.contains("0123") || content.contains('#'));
            assert_eq!(notes::all().iter().any(|note| note.contains("token file")), !valid, "{content:?}");
        }
    }
}
