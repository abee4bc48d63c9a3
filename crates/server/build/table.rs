//! The table of the page's files, as Rust.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

/// Under `assets/` Vite puts a hash of the content into the names.
const NAMED_BY_CONTENT: &str = "assets/";

/// Writes the table of all files of a folder. `x.gz` and `x.br` are encodings of `x`.
pub(crate) fn write(folder: &Path, into: &Path) -> Result<(), String> {
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files)?;
    let mut text = String::from("&[\n");
    for (name, path) in files.iter().filter(|(name, _)| kind(name).is_some()) {
        let content = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut hash = DefaultHasher::new();
        content.hash(&mut hash);
        let form = |ending: &str| match files.get(&format!("{name}{ending}")) {
            Some(path) => format!("Some(include_bytes!({path:?}))"),
            None => "None".into(),
        };
        writeln!(
            text,
            "File {{ name: {name:?}, kind: {:?}, tag: \"{:016x}\", for_ever: {}, plain: include_bytes!({path:?}), \
             gzip: {}, brotli: {} }},",
            kind(name).unwrap_or_default(),
            hash.finish(),
            name.starts_with(NAMED_BY_CONTENT) && files.contains_key(&format!("{name}.gz")),
            form(".gz"),
            form(".br"),
        )
        .map_err(|error| error.to_string())?;
    }
    text.push_str("]\n");
    fs::write(into, text).map_err(|error| format!("{}: {error}", into.display()))
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> Result<(), String> {
    let inside = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(inside)? {
        let path = entry.map_err(inside)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// The media type of a file of the page; `None` for other files.
fn kind(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}
