//! Tests of the command line.

use std::collections::HashMap;

use super::*;
use clap::CommandFactory as _;

use crate::dotenv::DotEnv;

fn parsed(arguments: &[&str], dotenv: DotEnv) -> Result<Cli, Stop> {
    let arguments = ["agent"].iter().chain(arguments).map(OsString::from);
    parse_from(arguments, dotenv, Service::default(), None)
}

fn wrong(arguments: &[&str]) -> String {
    match parsed(arguments, DotEnv::default()) {
        Err(Stop::Error(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn clap_declaration_is_valid() {
    Cli::command().debug_assert();
}

#[test]
fn long_history_may_be_off() {
    let long = |arguments: &[&str]| parsed(arguments, DotEnv::default()).unwrap().options.history_long.as_secs();
    assert_eq!(long(&[]), 30 * 86_400);
    for (value, seconds) in [("0", 0), ("0s", 0), ("1h", 3600), ("90d", 90 * 86_400), ("1d 12h", 129_600)] {
        assert_eq!(long(&["--history-long", value]), seconds, "{value}");
    }
}

#[test]
fn option_invalid_is_one_line_with_remedy() {
    for (arguments, expected) in [
        (&["--port", "70000"][..], &["70000", "--port", "PORT", "1 to 65535"][..]),
        (&["--port", "0"], &["'0'", "1 to 65535"]),
        (&["--interval", "0"], &["'0'", "NVSMI_INTERVAL", "100ms to 60s"]),
        (&["--interval", "61s"], &["61s"]),
        (&["--history-long", "59m"], &["59m", "1h to 90d", "0 for none", "NVSMI_HISTORY_LONG"]),
        (&["--history-long", "91d"], &["91d"]),
        (&["--history-long", "month"], &["month", "such as 30d"]),
        (&["--bind", "localhost"], &["localhost", "127.0.0.1"]),
        (&["--url-prefix", "a b"], &["a b", "URL_PREFIX"]),
        (&["--peers", "gpu02"], &["gpu02", "--peers", "NVSMI_PEERS", "NAME=PATH"]),
        (&["--prot", "1"], &["--prot", "--port"]),
        (&["--metrics-set", "tiny"], &["tiny", "fleet, standard or full", "NVSMI_METRICS_SET"]),
        (&["--metrics-names", "prometheus"], &["prometheus", "native", "dcgm", "NVSMI_METRICS_NAMES"]),
        (&["--metrics-processes-max", "-1"], &["-1"]),
        (&["--price-gpu-hour", "1,20 EUR"], &["1,20 EUR", "1.20EUR", "NVSMI_PRICE_GPU_HOUR"]),
        (&["--price-gpu-hour=-1EUR"], &["-1EUR", "three capitals"]),
        (&["--dcgm-hostname-label", "host-name"], &["host-name", "letters"]),
        (&["--dcgm-hostname-label", "gpu"], &["'gpu'", "another label"]),
        (&["--usage-retention", "0d"], &["(the flag or the variable NVSMI_USAGE_RETENTION)"]),
        (&["--dcgm-hostname-label", "__name__"], &["'__name__'", "another label"]),
        (&["--hostname", "gpu 01"], &["gpu 01", "NVSMI_HOSTNAME", "such as gpu01"]),
        (&["--hostname", "http://gpu01"], &["http://gpu01", "letters"]),
        (&["--hostname=-gpu01"], &["-gpu01"]),
        (&["--hostname", "gpu\n01"], &["such as gpu01"]),
        (&["--hostname", &"a".repeat(254)], &["253"]),
        (&["chekc"], &["chekc", "check"]),
        (&["--container-socket", "tcp://localhost:2375"], &["tcp://localhost:2375", "NVSMI_CONTAINER_SOCKET", "path"]),
        (&["--kubelet-socket", "https://x"], &["https://x", "NVSMI_KUBELET_SOCKET", "path"]),
        (&["release", "--for", "25h"], &["25h", "--for", "1s to 24h"]),
        (&["release", "--for", "0s"], &["0s", "1s to 24h"]),
        (&["release", "10m"], &["10m"]),
        (&["resume", "--for", "10m"], &["--for"]),
        (&["forget"], &["GPU"]),
        (&["forget", " "], &["UUID", "index"]),
    ] {
        let message = wrong(arguments);
        assert!(!message.contains('\n'), "{message}");
        for part in expected {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    }
}

#[test]
fn flag_overrides_dotenv() {
    let file = DotEnv { port: Some("9000".into()), url_prefix: Some("/x/".into()), token: Some("t".into()) };
    let cli = parsed(&[], file.clone()).unwrap();
    assert_eq!((cli.options.port, cli.options.url_prefix.as_str()), (9000, "/x"));
    assert_eq!(cli.token, Some("t".into()));
    let source = |name: &str| cli.settings.iter().find(|setting| setting.name == name).unwrap().source.to_string();
    assert_eq!([source("port"), source("token"), source("bind")], [".env", ".env", "default"]);
    assert!(!format!("{:?}", cli.settings).contains("\"t\""), "the token is masked");
    assert_eq!(parsed(&["--port", "9001"], file).unwrap().options.port, 9001);
    let broken = DotEnv { port: Some("x".into()), ..DotEnv::default() };
    assert!(matches!(parsed(&[], broken), Err(Stop::Error(message)) if message.contains(".env")));
}

#[test]
fn service_settings_have_lowest_precedence() {
    let service = [("PORT", "9000"), ("NVSMI_BIND", "127.0.0.2"), ("URL_PREFIX", "/x"), ("TOKEN", "t")];
    let variables: HashMap<_, _> = service.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let parsed = |arguments: &[&str], token: Option<&str>| {
        let arguments = ["agent", "health"].iter().chain(arguments).map(OsString::from);
        let service = Service { variables: variables.clone(), file: Some("/etc/agent.env".into()), unreadable: None };
        parse_from(arguments, DotEnv::default(), service, token.map(OsString::from)).unwrap()
    };
    let cli = parsed(&[], None);
    assert_eq!((cli.options.port, cli.options.url_prefix.as_str()), (9000, "/x"));
    assert_eq!((cli.options.bind, cli.token), (vec!["127.0.0.2".parse().unwrap()], Some("t".into())));
    let source = |name: &str| cli.settings.iter().find(|setting| setting.name == name).unwrap().source.to_string();
    assert_eq!(["port", "token", "interval"].map(source), ["/etc/agent.env", "/etc/agent.env", "default"]);
    let cli = parsed(&["--port", "81"], Some("mine"));
    assert_eq!((cli.options.port, cli.token), (81, Some("mine".into())));
    assert_eq!(parsed(&[], Some("")).token, None, "an empty one is given too");
}

#[test]
fn commands_option_is_optional() {
    assert_eq!(parsed(&[], DotEnv::default()).unwrap().options.commands, None);
    let shown = parsed(&["--commands", "masked"], DotEnv::default()).unwrap().options.commands;
    assert_eq!(shown, Some(Commands::Masked));
    let message = wrong(&["--commands", "some"]);
    assert!(
        message.contains("'some'") && message.contains("masked") && message.contains("NVSMI_COMMANDS"),
        "{message}"
    );
}

#[test]
fn socket_option_is_path_or_none() {
    let of = |value: &str| {
        let options =
            parsed(&["--container-socket", value, "--kubelet-socket", value], DotEnv::default()).unwrap().options;
        (options.container_socket.unwrap(), options.kubelet_socket.unwrap())
    };
    for value in ["/run/docker.sock", "unix:///run/docker.sock"] {
        assert_eq!(of(value), ("/run/docker.sock".into(), "/run/docker.sock".into()));
    }
    assert_eq!(of(""), (PathBuf::new(), PathBuf::new()), "an empty variable is none");
    assert_eq!(parsed(&[], DotEnv::default()).unwrap().options.container_socket, None);
    let Err(Stop::Info(help)) = parsed(&["--help"], DotEnv::default()) else { panic!("no help") };
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("Whoever can open it has root's power over this host"), "{help}");
}

#[test]
fn empty_value_is_unset() {
    let options = parsed(&["--metrics-names=", "--dcgm-hostname-label="], DotEnv::default()).unwrap().options;
    assert_eq!((options.metrics_names, options.dcgm_hostname_label.as_deref()), (Names::NATIVE, Some("")));
}

#[test]
fn flags_accepted_after_subcommand() {
    assert_eq!(parsed(&["check", "--port", "81"], DotEnv::default()).unwrap().options.port, 81);
}

#[test]
fn release_lasts_ten_minutes_by_default() {
    let length = |arguments: &[&str]| match parsed(arguments, DotEnv::default()).unwrap().command {
        Some(Command::Release(release)) => release.length.as_secs(),
        other => panic!("{other:?}"),
    };
    assert_eq!([length(&["release"]), length(&["release", "--for", "1h 30m"])], [600, 5400]);
}

#[test]
fn help_lists_every_variable() {
    let Err(Stop::Info(help)) = parsed(&["--help"], DotEnv::default()) else { panic!("no help") };
    for variable in ["PORT", "URL_PREFIX", "TOKEN", "NVSMI_BIND", "NVSMI_INTERVAL", "NVSMI_NVML_LIBRARY"] {
        assert!(help.contains(variable), "{variable}");
    }
}

fn hub(arguments: &[&str]) -> Cli {
    parsed(&[&["hub"], arguments].concat(), DotEnv::default()).unwrap()
}

#[test]
fn hub_has_a_port_of_its_own() {
    assert_eq!(hub(&[]).options.port, 8080);
    assert_eq!(hub(&["--port", "8000"]).options.port, 8000);
    let of_file = parsed(&["hub"], DotEnv { port: Some("9000".into()), ..DotEnv::default() }).unwrap();
    assert_eq!(of_file.options.port, 9000);
    let shown = hub(&[]).settings.into_iter().find(|setting| setting.name == "port").unwrap();
    assert_eq!((shown.value.as_str(), shown.source), ("8080", Source::Default));
    assert_eq!(parsed(&[], DotEnv::default()).unwrap().options.port, 8000);
}

#[test]
fn hub_hosts_separated_or_repeated() {
    let count = |arguments: &[&str]| {
        let Some(Command::Hub(hub)) = hub(arguments).command else { panic!() };
        hub.hosts.iter().map(|sources| sources.0.len()).sum::<usize>()
    };
    assert_eq!(count(&["--hosts", "static:a:1,b:2"]), 1);
    assert_eq!(count(&["--hosts", "static:a:1 /etc/hub/*.json\n dns+srv://agents"]), 3);
    assert_eq!(count(&["--hosts", "static:a:1", "--hosts", "https://list/sd"]), 2);
    assert_eq!(count(&["--hosts", ""]), 0);
    let settings = hub(&["--hosts", "static:a:1"]).settings;
    let hosts = settings.iter().find(|setting| setting.name == "hosts").unwrap();
    assert_eq!((hosts.value.as_str(), &hosts.source), ("static:a:1", &Source::Flag));
}

#[test]
fn hub_refuses_options_about_gpus_and_invalid_hosts() {
    for (arguments, expected) in [
        (&["hub", "--interval", "2s"][..], &["--interval", "GPUs of one host", "leave it out"][..]),
        (&["hub", "--peers", "x"], &["--peers concerns the GPUs"]),
        (&["hub", "--interval"], &["--interval concerns the GPUs"]),
        (&["hub", "--proc-root", "/x"], &["--proc-root concerns the GPUs"]),
        (&["hub", "check"], &["write hub --check", "hub --help"]),
        (&["hub", "static:a:1"], &["hosts follow --hosts"]),
        (&["--kubelet-socket", "/x", "hub"], &["--kubelet-socket"]),
        (&["--state-dir", "/x", "hub"], &["--state-dir"]),
        (&["hub", "--hosts", "gpu01:8000"], &["gpu01:8000", "static:HOST:PORT", "NVSMI_HUB_HOSTS"]),
        (&["hub", "--hosts", "https://a:b@c/"], &["--agent-token-file"]),
        (&["hub", "--all"], &["--check"]),
        (&["--hosts", "static:a:1"], &["--hosts"]),
    ] {
        let message = wrong(arguments);
        assert!(!message.contains('\n'), "{message}");
        for part in expected {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    }
    for name in hub::SHARED {
        assert!(Cli::command().get_arguments().any(|argument| argument.get_long() == Some(name)), "{name}");
    }
}

#[test]
fn hub_help_has_its_options_only() {
    for flag in ["--help", "-h"] {
        let Err(Stop::Info(text)) = parsed(&["hub", flag], DotEnv::default()) else { panic!() };
        let options: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim_start().split([' ', ',']).find(|word| word.starts_with("--")))
            .map(|word| &word[2..])
            .collect();
        for name in hub::SHARED.iter().chain(&["hosts", "agent-ca", "check", "live-from"]) {
            assert!(options.contains(name), "{flag}: {name}");
        }
        for name in ["interval", "peers", "hostname", "sys-root", "proc-root", "usage"] {
            assert!(!options.contains(&name), "{flag}: {name}");
        }
        // Its own options come first.
        let place = |name: &str| options.iter().position(|option| *option == name);
        assert!(place("all") < place("port") && place("port") < place("log"), "{options:?}");
        assert!(text.contains("[default: 8080]") && text.contains("find two free GPUs"), "{text}");
    }
    let Err(Stop::Info(text)) = parsed(&["--help"], DotEnv::default()) else { panic!() };
    assert!(text.contains("--interval") && text.contains("[default: 8000]"));
}

#[test]
fn hub_port_from_flag_file_or_default() {
    let port = |arguments: &[&str], dotenv| {
        let cli = parsed(arguments, dotenv).unwrap();
        let setting = cli.settings.iter().find(|setting| setting.name == "port").unwrap();
        assert_eq!(setting.value, cli.options.port.to_string());
        (cli.options.port, setting.source.to_string())
    };
    let file = || DotEnv { port: Some("9000".into()), ..DotEnv::default() };
    assert_eq!(port(&["hub"], DotEnv::default()), (8080, "default".into()));
    assert_eq!(port(&["hub"], file()), (9000, ".env".into()));
    assert_eq!(port(&["hub", "--port", "81"], file()), (81, "flag".into()));
    assert_eq!(port(&["--port", "81", "hub"], file()), (81, "flag".into()));
    assert_eq!(port(&[], DotEnv::default()), (8000, "default".into()));
    let prefix = DotEnv { url_prefix: Some("/x".into()), ..DotEnv::default() };
    assert_eq!(parsed(&["hub"], prefix).unwrap().options.url_prefix.as_str(), "/x");
}
