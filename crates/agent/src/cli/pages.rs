//! Man pages and shell completions of the packages, generated from the options and kept in the repository, so that the
//! binary does not contain their generators.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, hub};

const NAME: &str = "nvidia-smi-web-agent";
/// Variable that makes the tests rewrite the files.
const RENEW: &str = "RENEW_DOCS";

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// The command without clap's `help` subcommand.
fn command() -> Command {
    hub::adapted(Cli::command().disable_help_subcommand(true), &hub::PORT.to_string())
}

/// Main page and one page per command, by file name.
fn manual() -> Vec<(String, Vec<u8>)> {
    let command = command();
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    // Options of an agent are on the main page, and those that a hub has on its own too.
    let of_its_own = |sub: &Command| {
        let name = format!("{NAME}-{}", sub.get_name());
        let is_hub = sub.get_name() == hub::NAME;
        sub.clone().name(name).bin_name(format!("{NAME} {}", sub.get_name())).mut_args(|argument| {
            let is_on_main_page = argument.is_global_set() && !(is_hub && hub::takes(&argument));
            argument.hide(is_on_main_page)
        })
    };
    let all = std::iter::once(command.clone()).chain(shown.map(of_its_own));
    all.map(|command| {
        let name = format!("{}.1", command.get_name());
        (name, page(command).unwrap())
    })
    .collect()
}

/// Renders a page section by section, because the text after the help keeps its line breaks.
fn page(command: Command) -> io::Result<Vec<u8>> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let is_whole = command.get_name() == NAME;
    let page = clap_mangen::Man::new(command).manual("User Commands").source(NAME).date("");
    let mut bytes = Vec::new();
    page.render_title(&mut bytes)?;
    page.render_name_section(&mut bytes)?;
    page.render_synopsis_section(&mut bytes)?;
    page.render_description_section(&mut bytes)?;
    page.render_options_section(&mut bytes)?;
    if is_whole {
        page.render_subcommands_section(&mut bytes)?;
    }
    for part in after.split("\n\n").filter(|part| !part.is_empty()) {
        let (heading, lines) = part.split_once(":\n").unwrap();
        let lines = lines.replace('\\', "\\\\").replace('-', "\\-");
        write!(bytes, ".SH \"{}\"\n.nf\n{lines}\n.fi\n", heading.to_uppercase())?;
    }
    Ok(bytes)
}

fn completions() -> Vec<(String, Vec<u8>)> {
    let shells = [(Shell::Bash, NAME.into()), (Shell::Zsh, format!("_{NAME}")), (Shell::Fish, format!("{NAME}.fish"))];
    let made = shells.map(|(shell, file)| {
        let mut bytes = Vec::new();
        clap_complete::generate(shell, &mut command(), NAME, &mut bytes);
        (file, bytes)
    });
    made.into()
}

/// Compares a folder with its expected files, or rewrites it.
fn same(folder: &str, files: Vec<(String, Vec<u8>)>) {
    let folder = deploy().join(folder);
    if std::env::var_os(RENEW).is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in &files {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let mut there: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    let mut expected: Vec<&String> = files.iter().map(|(name, _)| name).collect();
    expected.sort();
    assert_eq!(there.iter().collect::<Vec<_>>(), expected, "in {}", folder.display());
    for (name, content) in files {
        let found = fs::read(folder.join(&name)).unwrap();
        assert!(found == content, "{name} is out of date; run {RENEW}=1 cargo test -p agent --bins pages");
    }
}

#[test]
fn man_pages_match_options() {
    let pages = manual();
    let text = |name: &str| {
        let page = pages.iter().find(|(file, _)| file == name);
        String::from_utf8(page.unwrap_or_else(|| panic!("no {name}")).1.clone()).unwrap().replace('\\', "")
    };
    for part in ["--url-prefix", "NVSMI_INTERVAL", "TOKEN=", "nvidia-smi-web-agent-release(1)"] {
        assert!(text("nvidia-smi-web-agent.1").contains(part), "{part}");
    }
    let health = text("nvidia-smi-web-agent-health.1");
    assert!(health.contains("--gpus") && !health.contains("--url-prefix"), "{health}");
    let hub = text("nvidia-smi-web-agent-hub.1");
    for part in ["--hosts", "--token-file", "TOKEN=", "8080"] {
        assert!(hub.contains(part), "{part}");
    }
    assert!(!hub.contains("--interval") && !hub.contains("8000]"), "{hub}");
    assert!(pages.iter().all(|(name, _)| !name.contains("collect")));
    same("man", pages);
}

#[test]
fn completions_match_options() {
    same("completions", completions());
}
