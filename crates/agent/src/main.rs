//! `nvidia-smi-web-agent`: what every NVIDIA GPU on this host and every process on it is doing.
//!
//! | command | module |
//! |---|---|
//! | (none) | [`serve`]: the parent, which serves HTTP and supervises the collector |
//! | `release`, `resume` | [`control`]: have a running agent let the driver go for a while |
//! | `health` | [`health`]: ask a running agent how it and its GPUs are |
//! | `check` | [`check`]: what is configured, and what is wrong with it |
//! | `capture` | [`capture`]: what the driver answers, for a bug report |
//! | `collect`, `record` | [`collect`]: the children, which read the machine, or the driver alone for a capture |

mod bind;
mod capture;
mod check;
mod child_process;
mod cli;
mod collect;
mod config;
mod control;
mod dotenv;
mod exposure;
mod health;
mod limits;
mod logging;
mod notify;
mod say;
mod serve;
mod service;
mod socket;
mod state;
mod supervisor;
mod tcp_table;

use std::process::ExitCode;

use child_process::ChildCommand;
use cli::Command;
use control::Request;

/// Wrong flags, variables or files: nothing was started.
const EXIT_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    // Before the command line, `.env` and the environment are read: a child gets its settings from its parent alone.
    if let Some(command) = ChildCommand::of(std::env::args_os()) {
        return collect::run(command).unwrap_or_else(|error| refuse(&error.to_string()));
    }
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(cli::Stop::Asked(text)) => {
            return say::out(&text).map_or_else(|error| refuse(&error.to_string()), |()| ExitCode::SUCCESS);
        }
        Err(cli::Stop::Wrong(message)) => return refuse(&message),
    };
    if let Err(error) = logging::start(cli.options.log, cli.options.access_log) {
        return refuse(&error.to_string());
    }
    let outcome = match &cli.command {
        None => serve::run(&cli),
        Some(Command::Release(release)) => control::run(&config::agents_socket(&cli), Request::Release(release.length)),
        Some(Command::Resume) => control::run(&config::agents_socket(&cli), Request::Resume),
        Some(Command::Health(asked)) => health::run(&cli, *asked),
        Some(Command::Check) => check::run(&cli),
        Some(Command::Capture(to)) => capture::run(&cli, to),
    };
    logging::finish();
    outcome.unwrap_or_else(|error| refuse(&error.to_string()))
}

fn refuse(message: &str) -> ExitCode {
    say::error(message);
    // To those who ask for health 2 means critical.
    ExitCode::from(if cli::asks_health() { health::UNKNOWN } else { EXIT_CONFIGURATION })
}
