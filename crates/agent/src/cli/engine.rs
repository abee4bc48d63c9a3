//! Options of a hub's engine: a server with the Prometheus HTTP API.

use std::{io, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use hub::engine::{EngineConfig, EngineCredentials};

use super::{given, path};

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct EngineArgs {
    /// Ask this server with the Prometheus HTTP API: Prometheus, VictoriaMetrics, Mimir, Thanos
    ///
    /// The URL is what precedes /api/v1, such as http://prometheus:9090, or http://vmselect:8481/select/0/prometheus of a
    /// VictoriaMetrics cluster. It is asked for the usage of all hosts, and with --live-from prometheus for their live state.
    #[arg(long, env = "NVSMI_PROMETHEUS", value_name = "URL", value_parser = engine)]
    pub(crate) prometheus: Option<EngineConfig>,

    /// Authenticate to it with the line USER:PASSWORD in this file
    #[arg(long, env = "NVSMI_PROMETHEUS_USER_FILE", value_name = "FILE", value_parser = path)]
    pub(crate) prometheus_user_file: Option<PathBuf>,

    /// Authenticate to it with the bearer token in this file
    #[arg(long, env = "NVSMI_PROMETHEUS_TOKEN_FILE", value_name = "FILE", value_parser = path)]
    pub(crate) prometheus_token_file: Option<PathBuf>,

    /// Ask it as this tenant (X-Scope-OrgID)
    #[arg(long, env = "NVSMI_PROMETHEUS_ORG_ID", value_name = "ID")]
    pub(crate) prometheus_org_id: Option<String>,

    /// Take the live state of the hosts from here
    ///
    /// From prometheus the hub has no standing connection to an agent, but requests below /hosts/NAME/ still ask the agent.
    /// The engine must evaluate deploy/prometheus/fleet.yml.
    #[arg(long, env = "NVSMI_LIVE_FROM", default_value = "agents", value_name = "SOURCE")]
    pub(crate) live_from: LiveFrom,

    /// Expect the engine to scrape the agents at this interval, from 1s to 5m [default: learned from its samples]
    ///
    /// A host is stale once no scrape confirms its newest reading, and after three intervals at the latest.
    #[arg(long, env = "NVSMI_SCRAPE_INTERVAL", value_name = "TIME", value_parser = scrape_interval)]
    pub(crate) scrape_interval: Option<Duration>,
}

/// Source of live state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LiveFrom {
    /// Each agent, over a stream.
    #[default]
    Agents,
    /// The engine of --prometheus.
    Prometheus,
}

impl EngineArgs {
    /// The engine; none if none is given.
    ///
    /// # Errors
    /// One line with the fix: an option requires another, or excludes it.
    pub(crate) fn config(&self) -> io::Result<Option<EngineConfig>> {
        let files = [&self.prometheus_user_file, &self.prometheus_token_file].map(|file| given(file.as_ref()));
        let Some(config) = self.prometheus.clone() else {
            let org_id = self.prometheus_org_id.as_ref().filter(|id| !id.is_empty());
            if self.live_from == LiveFrom::Prometheus || files.iter().any(Option::is_some) || org_id.is_some() {
                return Err(io::Error::other(
                    "expected the engine's URL: set --prometheus, such as http://prometheus:9090",
                ));
            }
            return Ok(None);
        };
        let credentials = match files {
            [Some(_), Some(_)] => {
                let text = "expected one kind of credentials for the engine: leave out --prometheus-user-file or \
                            --prometheus-token-file";
                return Err(io::Error::other(text));
            }
            [Some(user), None] => EngineCredentials::User(user),
            [None, Some(token)] => EngineCredentials::Token(token),
            [None, None] => EngineCredentials::None,
        };
        let config = EngineConfig { credentials, scrape_interval: self.scrape_interval, ..config };
        let org_id = self.prometheus_org_id.as_deref().filter(|id| !id.is_empty());
        org_id.map_or(Ok(config.clone()), |id| config.with_org_id(id)).map(Some).map_err(io::Error::other)
    }
}

fn engine(value: &str) -> Result<EngineConfig, String> {
    EngineConfig::at(value)
}

fn scrape_interval(value: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(value).map_err(|error| error.to_string())?;
    let is_usual = (Duration::from_secs(1)..=Duration::from_secs(300)).contains(&interval);
    is_usual.then_some(interval).ok_or_else(|| format!("expected 1s to 5m, got {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> EngineArgs {
        EngineArgs { prometheus: Some(EngineConfig::at("http://prometheus:9090").unwrap()), ..EngineArgs::default() }
    }

    #[test]
    fn engine_has_one_kind_of_credentials() {
        let user = Some(PathBuf::from("/etc/user"));
        let of = |arguments: &EngineArgs| arguments.config().map(|config| config.map(|config| config.credentials));
        assert_eq!(of(&EngineArgs::default()).unwrap(), None);
        assert_eq!(of(&arguments()).unwrap(), Some(EngineCredentials::None));
        let with_user = EngineArgs { prometheus_user_file: user.clone(), ..arguments() };
        assert_eq!(of(&with_user).unwrap(), Some(EngineCredentials::User("/etc/user".into())));
        let both = EngineArgs { prometheus_token_file: user.clone(), ..with_user };
        assert!(of(&both).unwrap_err().to_string().contains("one kind of credentials"));
        for without_url in [
            EngineArgs { live_from: LiveFrom::Prometheus, ..EngineArgs::default() },
            EngineArgs { prometheus_user_file: user, ..EngineArgs::default() },
            EngineArgs { prometheus_org_id: Some("a".into()), ..EngineArgs::default() },
        ] {
            assert!(of(&without_url).unwrap_err().to_string().contains("set --prometheus"));
        }
        let tenant = EngineArgs { prometheus_org_id: Some("a\nb".into()), ..arguments() };
        assert!(tenant.config().is_err());
        assert!(scrape_interval("0s").is_err() && scrape_interval("6m").is_err() && scrape_interval("x").is_err());
        assert_eq!(scrape_interval("15s"), Ok(Duration::from_secs(15)));
    }
}
