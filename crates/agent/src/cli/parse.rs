//! Parsing: flags, then variables, then `.env` and the service's file.

use std::ffi::OsString;

use clap::{
    Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _, builder::Resettable, error::ErrorKind,
    parser::ValueSource,
};

use super::{
    Cli, Setting, Source,
    hub::{HUB_PORT, SHARED},
};
use crate::{dotenv::DotEnv, service::Service};

/// Reason why no command runs.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Help or the version was requested.
    Info(String),
    /// One line that names the error.
    Error(String),
}

/// Reads flags, variables and `.env`.
pub(crate) fn parse() -> Result<Cli, Stop> {
    let dotenv = DotEnv::read(".env".as_ref()).map_err(Stop::Error)?;
    let of_service =
        (is_health_command() || has_argument("check") || has_argument("usage")) && dotenv == DotEnv::default();
    let service = if of_service { Service::read() } else { Service::default() };
    parse_from(std::env::args_os(), dotenv, service, std::env::var_os("TOKEN"))
}

/// Checks for the command `health`, before arguments that may be invalid are parsed.
pub(crate) fn is_health_command() -> bool {
    has_argument("health")
}

/// Checks for an argument, before arguments that may be invalid are parsed.
pub(crate) fn has_argument(command: &str) -> bool {
    std::env::args_os().skip(1).any(|argument| argument == command)
}

pub(super) fn parse_from(
    arguments: impl IntoIterator<Item = OsString>,
    dotenv: DotEnv,
    service: Service,
    token: Option<OsString>,
) -> Result<Cli, Stop> {
    let mut command = Cli::command().mut_args(|argument| {
        let of_service = argument.get_env().and_then(|name| service.variables.get(name.to_str()?)).cloned();
        let argument = if is_empty_variable(&argument) { argument.env(Resettable::Reset) } else { argument };
        match of_service.filter(|value| !value.is_empty()) {
            Some(value) if argument.get_action().takes_values() => argument.default_value(value),
            _ => argument,
        }
    });
    let of_hub = |argument: Arg| if is_empty_variable(&argument) { argument.env(Resettable::Reset) } else { argument };
    command = command.mut_subcommand(HUB, |hub| hub.mut_args(of_hub));
    for (id, value) in [("port", &dotenv.port), ("url_prefix", &dotenv.url_prefix)] {
        if let Some(value) = value.clone() {
            command = command.mut_arg(id, |argument| argument.default_value(value));
        }
    }
    let matches = command.try_get_matches_from(arguments).map_err(|error| stop(&error))?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| stop(&error))?;
    cli.settings = settings(&Cli::command(), &matches, &dotenv, &service);
    if let Some(of_hub) = matches.subcommand_matches(HUB) {
        adapt_to_hub(&mut cli, of_hub, &dotenv, &service)?;
    }
    let of_service = service.variables.get("TOKEN").map(OsString::from);
    let (token, source) = match (token, dotenv.token, of_service) {
        (Some(token), ..) => (Some(token), Source::Variable("TOKEN".into())),
        (None, Some(token), _) => (Some(token.into()), Source::File(".env".into())),
        (None, None, token) => (token, Source::File(service.source())),
    };
    cli.service = service;
    cli.token = token.filter(|token| !token.is_empty());
    cli.settings.push(match &cli.token {
        Some(_) => Setting { name: "token".into(), value: "(set)".into(), source },
        None => Setting { name: "token".into(), value: "(none)".into(), source: Source::Default },
    });
    Ok(cli)
}

/// Name of the command that has options with variables of its own.
const HUB: &str = "hub";

/// Adds the options of a hub, gives it its own port, and refuses options that concern the GPUs of this host. Variables are
/// ignored, since a file of them can be that of an agent.
fn adapt_to_hub(cli: &mut Cli, of_hub: &ArgMatches, dotenv: &DotEnv, service: &Service) -> Result<(), Stop> {
    if let Some(command) = Cli::command().find_subcommand(HUB) {
        cli.settings.extend(settings(command, of_hub, dotenv, service));
    }
    let of_gpus = |setting: &&Setting| !SHARED.contains(&setting.name.as_str()) && !setting.is_of_hub();
    if let Some(setting) = cli.settings.iter().filter(of_gpus).find(|setting| setting.source == Source::Flag) {
        let name = &setting.name;
        return Err(Stop::Error(format!(
            "--{name} concerns the GPUs of this host, and a hub has none: leave it out; see hub --help"
        )));
    }
    if let Some(port) = cli.settings.iter_mut().find(|setting| setting.name == "port")
        && (port.is_default() || port.value == EMPTY)
    {
        cli.options.port = HUB_PORT;
        port.value = HUB_PORT.to_string();
    }
    Ok(())
}

/// Checks for an empty variable, which counts as unset: a container's environment often has one. PORT and `URL_PREFIX` are
/// left to their parsers, since an empty one wins over `.env` as in the Python agent.
fn is_empty_variable(argument: &Arg) -> bool {
    let is_ours = argument.get_env().is_some_and(|name| name.to_string_lossy().starts_with("NVSMI_"));
    is_ours && argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
}

/// Value of an option that is set to nothing, as it is displayed.
const EMPTY: &str = "(empty)";

/// Lists every visible option of a command with its value as given.
fn settings(command: &Command, matches: &ArgMatches, dotenv: &DotEnv, service: &Service) -> Vec<Setting> {
    let visible = command.get_arguments().filter(|argument| argument.get_env().is_some() && !argument.is_hide_set());
    visible
        .map(|argument| {
            let id = argument.get_id().as_str();
            let in_dotenv =
                (id == "port" && dotenv.port.is_some()) || (id == "url_prefix" && dotenv.url_prefix.is_some());
            let variable = argument.get_env().unwrap_or_default().display();
            let raw: Vec<_> = matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy()).collect();
            let value = match raw.as_slice() {
                [] => "(none)".into(),
                [value] if value.is_empty() => EMPTY.into(),
                several => several.join(","),
            };
            let source = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => Source::Flag,
                Some(ValueSource::EnvVariable) => Source::Variable(variable.to_string()),
                _ if in_dotenv => Source::File(".env".into()),
                _ if service.variables.contains_key(&*variable.to_string()) => Source::File(service.source()),
                _ => Source::Default,
            };
            Setting { name: argument.get_long().unwrap_or(id).into(), value, source }
        })
        .collect()
}

/// Shortens clap's message to one line.
fn stop(error: &clap::Error) -> Stop {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Stop::Info(text);
    }
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("For more")).collect();
    let message = lines.join("; ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    Stop::Error(format!("{message}{}; see --help", variable_of(message)))
}

/// Names the variable of the flag in a message, since the value may come from it.
fn variable_of(message: &str) -> String {
    let command = Cli::command();
    // Another flag may begin with the same words.
    let names = |long: &str| ["'", " ", "=", "["].iter().any(|end| message.contains(&format!("'--{long}{end}")));
    let of_hub = command.find_subcommand(HUB).into_iter().flat_map(Command::get_arguments);
    let named = command.get_arguments().chain(of_hub).find(|argument| argument.get_long().is_some_and(names));
    named
        .and_then(|argument| {
            argument.get_env().map(|variable| (argument.get_id().as_str(), variable.to_string_lossy()))
        })
        .map(|(id, variable)| match id {
            "port" | "url_prefix" => format!(" (the flag, the variable {variable} or .env)"),
            _ => format!(" (the flag or the variable {variable})"),
        })
        .unwrap_or_default()
}
