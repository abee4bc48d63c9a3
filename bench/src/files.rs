//! Responses of the agent as files for other servers: one file per path, and a compressed one next to it.

use std::{fs, net::SocketAddr, path::PathBuf};

use crate::{Outcome, get::get, host::Host};

/// A view of the agent, with or without compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) path: String,
    pub(crate) gzip: bool,
}

impl View {
    /// Parses a path such as `/metrics`, or `/metrics+gzip` for a compressed response.
    pub(crate) fn parse(text: &str) -> Self {
        let path = text.strip_suffix("+gzip");
        Self { path: path.unwrap_or(text).to_owned(), gzip: path.is_some() }
    }

    pub(crate) fn name(&self) -> String {
        if self.gzip { format!("{} gzip", self.path) } else { self.path.clone() }
    }

    pub(crate) const fn encoding(&self) -> &'static str {
        if self.gzip { "gzip" } else { "identity" }
    }

    /// Path on other servers.
    pub(crate) fn as_file(&self) -> String {
        self.path.replace(['?', '='], "_")
    }
}

/// Writes the agent's response for each view to a folder. Returns the folder and the size of each response in bytes.
pub(crate) fn fill(host: &Host, agent: SocketAddr, views: &[View]) -> Outcome<(PathBuf, Vec<usize>)> {
    let folder = host.folder().join("www");
    let mut sizes = Vec::new();
    for view in views {
        let file = folder.join(view.as_file().trim_start_matches('/'));
        fs::create_dir_all(file.parent().ok_or("expected a path below the root")?)?;
        let plain = get(agent, &view.path, "identity")?;
        let packed = get(agent, &view.path, "gzip")?;
        if plain.status != 200 {
            return Err(format!("{}: expected status 200, got {}", view.path, plain.status).into());
        }
        let is_packed = packed.head.contains("content-encoding: gzip");
        if view.gzip && !is_packed {
            return Err(format!("{}: expected a compressed response", view.path).into());
        }
        sizes.push(if view.gzip { packed.body.len() } else { plain.body.len() });
        fs::write(&file, plain.body)?;
        if is_packed {
            let mut beside = file.into_os_string();
            beside.push(".gz");
            fs::write(beside, packed.body)?;
        }
    }
    Ok((folder, sizes))
}
