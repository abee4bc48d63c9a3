//! Sets the library's soname and lists the functions that `src/abi` exports.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/abi");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnvidia-ml.so.1");
    let names = exported(Path::new("src/abi"))?.join("\n    ");
    let list = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?).join("functions.rs");
    Ok(fs::write(list, format!("functions! {{\n    {names}\n}}\n"))?)
}

/// Returns each name that follows `fn nvml` in the files of a folder, so that no second list has to be kept by hand.
fn exported(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    // The order of a folder's entries differs between file systems.
    files.sort();
    let mut names = Vec::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        let found = text.split("fn nvml").skip(1);
        names.extend(found.map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            format!("nvml{}", &rest[..end])
        }));
    }
    Ok(names)
}
