//! `usage`: prints the accounting of a running agent, copies its file, or removes a name from it.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    cli::{Cli, ExportArgs, UsageArgs, UsageCommand},
    config,
    control::{self, Request},
    say, usage, usage_report,
};

/// Exit status if nothing was done.
const EXIT_FAILED: u8 = 1;
/// State directory of the packages' service.
const SERVICE_FOLDER: &str = "/var/lib/nvidia-smi-web-agent";

/// Runs the command.
pub(crate) fn run(cli: &Cli, arguments: &UsageArgs) -> io::Result<ExitCode> {
    match &arguments.command {
        None => usage_report::run(cli, &arguments.report),
        Some(UsageCommand::Export(arguments)) => export(cli, arguments),
        Some(UsageCommand::Forget(arguments)) => control::run(
            &config::client_control_socket(cli),
            &Request::ForgetUser { user: arguments.user.clone(), before: arguments.before },
        ),
    }
}

fn export(cli: &Cli, arguments: &ExportArgs) -> io::Result<ExitCode> {
    let folder = config::state_dir(&cli.options)
        .or_else(|| Some(PathBuf::from(SERVICE_FOLDER)).filter(|folder| folder.symlink_metadata().is_ok()));
    let copied = match folder {
        Some(folder) => usage::export(&folder, Path::new(&arguments.file)),
        None => Err("no folder: name the agent's with --state-dir".into()),
    };
    match copied {
        Ok(done) => say::line(&done).map(|()| ExitCode::SUCCESS),
        Err(why) => {
            say::error(&why);
            Ok(ExitCode::from(EXIT_FAILED))
        }
    }
}
