//! Parsing: flags, then variables, then `.env` and the service's file.

use std::ffi::{OsStr, OsString};

use ::hub::discovery::without_secrets;
use clap::{
    Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use super::{Cli, Setting, Source, hub};
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
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_hub = is_hub(&arguments);
    let mut ignored = Vec::new();
    let root = Cli::command().mut_args(|argument| {
        let of_service = argument.get_env().and_then(|name| service.variables.get(name.to_str()?)).cloned();
        let argument =
            if is_hub && !hub::takes(&argument) { without_variable(argument, &mut ignored) } else { argument };
        let argument = if is_empty_variable(&argument) { argument.env(Resettable::Reset) } else { argument };
        match of_service.filter(|value| !value.is_empty()) {
            Some(value) if argument.get_action().takes_values() => argument.default_value(value),
            _ => argument,
        }
    });
    let of_hub = |argument: Arg| if is_empty_variable(&argument) { argument.env(Resettable::Reset) } else { argument };
    let mut command = root.mut_subcommand(hub::NAME, |hub| hub.mut_args(of_hub));
    for (id, value) in [("port", &dotenv.port), ("url_prefix", &dotenv.url_prefix)] {
        if let Some(value) = value.clone() {
            command = command.mut_arg(id, |argument| argument.default_value(value));
        }
    }
    let port = dotenv.port.clone().unwrap_or_else(|| hub::PORT.to_string());
    let command = hub::adapted(command, &port);
    let matches = command.try_get_matches_from(arguments).map_err(|error| stop(&error, is_hub))?;
    if let Some(name) = matches.subcommand_matches(hub::NAME).and_then(foreign_flag) {
        return Err(Stop::Error(not_of_hub(&name)));
    }
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| stop(&error, is_hub))?;
    cli.settings = settings(&Cli::command(), &matches, &dotenv, &service);
    cli.ignored = ignored;
    if let Some(of_hub) = matches.subcommand_matches(hub::NAME) {
        adapt_to_hub(&mut cli, of_hub, &dotenv, &service);
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

/// Checks whether the command is `hub`, whatever else is wrong with the arguments.
fn is_hub(arguments: &[OsString]) -> bool {
    // Without variables, a value of which can be wrong.
    let command = Cli::command().mut_args(|argument| argument.env(Resettable::Reset)).ignore_errors(true);
    let matches = command.try_get_matches_from(arguments);
    matches.is_ok_and(|matches| matches.subcommand_name() == Some(hub::NAME))
}

/// Takes the variable from an option that a hub does not have: a file of variables can be that of an agent, too.
fn without_variable(argument: Arg, ignored: &mut Vec<String>) -> Arg {
    let set = argument.get_env().filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    ignored.extend(set.map(|name| name.to_string_lossy().into_owned()));
    argument.env(Resettable::Reset)
}

/// Name of a flag that a hub does not have.
fn foreign_flag(of_hub: &ArgMatches) -> Option<String> {
    let command = Cli::command();
    let given = |argument: &&Arg| of_hub.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine);
    let foreign = command.get_arguments().filter(|argument| !hub::takes(argument)).find(given)?;
    foreign.get_long().map(ToOwned::to_owned)
}

fn not_of_hub(name: &str) -> String {
    format!("--{name} concerns the GPUs of one host, and a hub has none: leave it out; see hub --help")
}

/// Adds the options of a hub.
fn adapt_to_hub(cli: &mut Cli, of_hub: &ArgMatches, dotenv: &DotEnv, service: &Service) {
    cli.settings.retain(|setting| hub::SHARED.contains(&setting.name.as_str()));
    if let Some(command) = Cli::command().find_subcommand(hub::NAME) {
        cli.settings.extend(settings(command, of_hub, dotenv, service));
    }
    // An empty PORT is the default of an agent.
    if let Some(port) = cli.settings.iter_mut().find(|setting| setting.name == "port")
        && port.value == EMPTY
    {
        cli.options.port = hub::PORT;
        port.value = hub::PORT.to_string();
    }
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
            let shown = |value: &OsStr| match (id, value.to_string_lossy()) {
                ("hosts", text) => without_secrets(&text),
                (_, text) => text.into_owned(),
            };
            let raw: Vec<String> = matches.get_raw(id).into_iter().flatten().map(shown).collect();
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
fn stop(error: &clap::Error, is_hub: bool) -> Stop {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Stop::Info(text);
    }
    if is_hub && let Some(name) = foreign_in(error) {
        return Stop::Error(not_of_hub(&name));
    }
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("For more")).collect();
    let message = lines.join("; ").replace(":; ", ": ");
    let message = hidden(message.strip_prefix("error: ").unwrap_or(&message));
    let message = message.as_str();
    let hint = if is_hub { hub::hint(message) } else { "" };
    Stop::Error(format!("{message}{}{hint}; see {}--help", variable_of(message), if is_hub { "hub " } else { "" }))
}

/// Name of the option that an error is about, if a hub does not have it.
fn foreign_in(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let name = shown.strip_prefix("--")?.split([' ', '=', '[']).next()?;
    let command = Cli::command();
    let argument = command.get_arguments().find(|argument| argument.get_long() == Some(name))?;
    (!hub::takes(argument)).then(|| name.to_owned())
}

/// Hides the secrets in the value that a message quotes.
fn hidden(message: &str) -> String {
    let Some((before, rest)) = message.split_once("invalid value '") else { return message.to_owned() };
    match rest.split_once("' for '--hosts") {
        Some((value, after)) => format!("{before}invalid value '{}' for '--hosts{after}", without_secrets(value)),
        None => message.to_owned(),
    }
}

/// Names the variable of the flag in a message, since the value may come from it.
fn variable_of(message: &str) -> String {
    let command = Cli::command();
    // Another flag may begin with the same words.
    let names = |long: &str| ["'", " ", "=", "["].iter().any(|end| message.contains(&format!("'--{long}{end}")));
    let of_hub = command.find_subcommand(hub::NAME).into_iter().flat_map(Command::get_arguments);
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
