//! `nvidia-smi-web-agent`: the program and its commands.
//!
//! | command | module |
//! |---|---|
//! | (none) | [`serve`]: serve HTTP and supervise the collector |
//! | `release`, `resume`, `forget` | [`control`]: make a running agent release the driver, or forget a GPU |
//! | `health` | [`health`]: check a running agent and its GPUs |
//! | `check` | [`check`]: print the configuration and its problems |
//! | `usage` | [`usage_command`]: show who used which GPU, copy the file of it, remove a name |
//! | `hub` | [`hub`]: show many hosts on one page, from their agents |
//! | `claim`, `unclaim` | [`claim_command`]: say whose a GPU is for a while |
//! | `capture` | [`capture`]: record the driver's answers, for a bug report |
//! | `collect`, `record` | [`collect`]: the child processes, which load the driver library |

mod bind;
mod capture;
mod check;
mod child_process;
mod claim_command;
mod claims;
mod cli;
mod client;
mod collect;
mod config;
mod control;
mod dotenv;
mod exposure;
mod health;
mod hub;
mod limits;
mod logging;
mod notes;
mod notify;
mod regular;
mod say;
mod serve;
mod service;
mod serving;
mod signals;
mod socket;
mod state;
mod supervisor;
mod tcp_table;
mod tls;
mod usage;
mod usage_command;
mod usage_report;

use std::{io, panic, process::ExitCode};

use child_process::ChildCommand;
use cli::{Cli, Command};
use control::Request;

/// Exit status after a panic, as Rust's own.
const EXIT_PANIC: u8 = 101;
/// Exit status after invalid flags, variables or files.
const EXIT_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    // First, because a child gets its settings from its parent alone, and must not read `.env` or the environment.
    if let Some(command) = ChildCommand::of(std::env::args_os()) {
        return collect::run(command).unwrap_or_else(|error| refuse(&error.to_string()));
    }
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(cli::Stop::Info(text)) => {
            return say::out(&text).map_or_else(|error| refuse(&error.to_string()), |()| ExitCode::SUCCESS);
        }
        Err(cli::Stop::Error(message)) => return refuse(&message),
    };
    if let Err(error) = logging::start(cli.log_level(), cli.options.access_log) {
        return refuse(&error.to_string());
    }
    // A panic on this thread ends the program too, after its line is logged.
    let outcome = panic::catch_unwind(|| run(&cli));
    let status = match outcome {
        Ok(outcome) => outcome.unwrap_or_else(|error| refuse(&error.to_string())),
        Err(_) if cli::is_health_command() => refuse("this is a bug of the agent; its report is on standard error"),
        Err(_) => ExitCode::from(EXIT_PANIC),
    };
    logging::finish();
    status
}

/// Runs the command.
fn run(cli: &Cli) -> io::Result<ExitCode> {
    match &cli.command {
        None => serve::run(cli),
        Some(Command::Release(release)) => {
            control::run(&config::client_control_socket(cli), &Request::Release(release.length))
        }
        Some(Command::Resume) => control::run(&config::client_control_socket(cli), &Request::Resume),
        Some(Command::Forget(forget)) => {
            control::run(&config::client_control_socket(cli), &Request::Forget(forget.gpu.clone()))
        }
        Some(Command::Health(arguments)) => health::run(cli, arguments),
        Some(Command::Check(arguments)) => check::run(cli, *arguments),
        Some(Command::Capture(arguments)) => capture::run(cli, arguments),
        Some(Command::Hub(arguments)) => hub::run(cli, arguments),
        Some(Command::Claim(arguments)) => claim_command::claim(cli, arguments),
        Some(Command::Unclaim(arguments)) => claim_command::unclaim(cli, arguments),
        Some(Command::Usage(arguments)) => usage_command::run(cli, arguments),
    }
}

fn refuse(message: &str) -> ExitCode {
    // For `health`, 2 means critical, and its supervisor reads standard output.
    if cli::is_health_command() {
        return health::unknown(message).unwrap_or(ExitCode::from(health::UNKNOWN));
    }
    say::error(message);
    ExitCode::from(EXIT_CONFIGURATION)
}
