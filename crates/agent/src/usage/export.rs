//! Copy of the file at one moment.

use std::{fs, os::unix::fs::OpenOptionsExt as _, path::Path};

use super::open::{NAME, read_only};

/// Copies the file of a state directory into a new file.
///
/// # Errors
/// There is no such file, the new one exists, or one of them cannot be read or written: a sentence with a remedy.
pub(crate) fn export(folder: &Path, to: &Path) -> Result<String, String> {
    let from = folder.join(NAME);
    let shown = from.display();
    match fs::metadata(&from) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(format!("expected a file {shown}, got something else")),
        Err(error) => {
            return Err(format!(
                "no usage file {shown}: {error}; name the agent's folder with --state-dir, and run this as root or as the \
                 service's user"
            ));
        }
    }
    // SQLite would give it the usual mode; it names users.
    let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    created.map_err(|error| format!("cannot create {}: {error}; expected a name that no file has", to.display()))?;
    let copied = to.to_str().ok_or_else(|| "expected a name in UTF-8".to_owned()).and_then(|name| {
        let connection = read_only(&from).map_err(|error| format!("cannot read {shown}: {error}"))?;
        connection.execute("VACUUM INTO ?1", [name]).map_err(|error| format!("cannot copy {shown}: {error}"))
    });
    if let Err(error) = copied {
        // An incomplete copy is of no use to anybody.
        let _ = fs::remove_file(to);
        return Err(error);
    }
    let bytes = fs::metadata(to).map_or(0, |found| found.len());
    Ok(format!("copied {shown} to {}: {bytes} bytes", to.display()))
}
