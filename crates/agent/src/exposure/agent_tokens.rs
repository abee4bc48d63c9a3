//! File of `--agent-token-file`: tokens that a hub sends to agents.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hub::{AgentTokens, Credentials};
use tokio::sync::watch;

use super::files::{FileState, Watched, file_states};
use crate::{notes, regular};

/// Topic of the note while the file is invalid.
const NOTE: &str = "agent tokens";
/// Maximum size in bytes: a line for each of 20,000 agents.
const MAX_BYTES: u64 = 4 << 20;

const EXPECTED: &str = "expected lines of a pattern of addresses and a token; a file with a comment line (#) and no token \
                        takes all tokens from a running hub";

/// The file, and its tokens.
#[derive(Debug)]
pub(crate) struct AgentTokenFile {
    path: PathBuf,
    newest: Arc<watch::Sender<Arc<AgentTokens>>>,
    seen: Vec<FileState>,
}

impl AgentTokenFile {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, a line is invalid, or it has no token.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let seen = file_states(&[&path]);
        let tokens = read(&path)?;
        if tokens.is_empty() {
            return Err(io::Error::other(format!("the agent token file {} has no token; {EXPECTED}", path.display())));
        }
        Ok(Self { path, newest: Arc::new(watch::channel(Arc::new(tokens)).0), seen })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tokens now and after each reload.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::new(self.newest.subscribe())
    }

    /// Tokens as they are now.
    pub(crate) fn tokens(&self) -> Arc<AgentTokens> {
        Arc::clone(&self.newest.borrow())
    }

    /// Checks whether every account of this host can read it.
    pub(crate) fn is_world_readable(&self) -> bool {
        super::is_world_readable(&self.path)
    }

    pub(crate) fn watched(&self) -> Watched {
        let (path, newest) = (self.path.clone(), Arc::clone(&self.newest));
        Watched { paths: vec![path.clone()], seen: self.seen.clone(), read: Box::new(move || reload(&path, &newest)) }
    }
}

/// Replaces the tokens, unless the file is invalid.
fn reload(path: &Path, newest: &watch::Sender<Arc<AgentTokens>>) {
    match read(path) {
        Ok(tokens) => {
            let count = tokens.len();
            newest.send_replace(Arc::new(tokens));
            notes::clear(NOTE);
            tracing::info!(path = %path.display(), tokens = count, "reloaded the agent token file");
        }
        Err(error) => {
            tracing::error!("keeping the previous tokens for agents: {error}");
            // The error names no token. Its advice is for the administrator, and in the log.
            notes::set(NOTE, previous("agent token file", path, "tokens"));
        }
    }
}

/// Note of a file that cannot be used any more.
pub(super) fn previous(what: &str, path: &Path, content: &str) -> String {
    format!(
        "the {what} {} cannot be used, and the previous {content} stay valid: see the log, or run `hub --check`",
        path.display()
    )
}

fn read(path: &Path) -> io::Result<AgentTokens> {
    let shown = path.display();
    let text = regular::read(path, MAX_BYTES).map_err(|error| {
        let fix = "set --agent-token-file to a file that the hub's account can read";
        io::Error::new(error.kind(), format!("cannot read the agent token file {shown}: {error}; {fix}"))
    })?;
    if text.trim_ascii().is_empty() {
        // A program that truncates before it writes, or a full disk, must not take every token.
        return Err(io::Error::other(format!(
            "the agent token file {shown} has no token, since it is empty; {EXPECTED}"
        )));
    }
    AgentTokens::parse(&text).map_err(|error| io::Error::other(format!("the agent token file {shown}, {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    #[test]
    fn agent_tokens_error_names_file_line_remedy_but_no_token() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tokens");
        let error = || AgentTokenFile::open(path.clone()).unwrap_err().to_string();
        assert!(error().contains("cannot read the agent token file") && error().contains("--agent-token-file"));
        for (content, parts) in [
            ("# only\n\n", ["has no token", "a pattern"]),
            ("", ["since it is empty", "comment line"]),
            (" \n", ["is empty", "a pattern"]),
            ("# one\ngpu01: s3cret\n", ["line 2", "invalid pattern"]),
            ("a b s3cret\n", ["line 1", "3 words"]),
        ] {
            fs::write(&path, content).unwrap();
            let error = error();
            for part in parts {
                assert!(error.contains(part) && error.contains(path.to_str().unwrap()), "{error:?} lacks {part:?}");
            }
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn agent_tokens_kept_until_valid_replacement() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tokens");
        fs::write(&path, "one").unwrap();
        let file = AgentTokenFile::open(path.clone()).unwrap();
        let watched = file.watched();
        for (content, expected) in
            [("a b c", 1), ("", 1), ("gpu01 a\ngpu02 b\nc", 3), (" \n", 3), ("gpu01:x a", 3), ("# none\n", 0)]
        {
            fs::write(&path, content).unwrap();
            (watched.read)();
            assert_eq!(file.tokens().len(), expected, "{content:?}");
        }
        fs::remove_file(&path).unwrap();
        (watched.read)();
        assert_eq!(file.tokens().len(), 0);
    }
}
