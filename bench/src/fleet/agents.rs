//! `bench agents`: one process that simulates many agents.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf, str::FromStr, sync::Arc};

use clap::{Args, Parser};
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};

use super::{
    models::Models,
    serve::Sim,
    world::{Host, Kind, World, drawn},
};
use crate::Outcome;

/// Part of the hosts: a number, or a percentage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Share {
    Number(usize),
    Percent(f64),
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a number of hosts or a percentage such as 5%, got {text}");
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.parse().map_err(|_| wrong())?;
                if (0.0..=100.0).contains(&percent) { Ok(Self::Percent(percent)) } else { Err(wrong()) }
            }
            None => text.parse().map(Self::Number).map_err(|_| wrong()),
        }
    }
}

impl Share {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the number of hosts")]
    fn of(self, hosts: usize) -> usize {
        match self {
            Self::Number(number) => number,
            Self::Percent(percent) => (hosts as f64 * percent / 100.0).round() as usize,
        }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Number of hosts
    #[arg(long, default_value_t = 1000)]
    pub(crate) hosts: usize,
    /// GPUs of each host
    #[arg(long, default_value_t = 8)]
    pub(crate) gpus: usize,
    /// Number of users
    #[arg(long, default_value_t = 200)]
    pub(crate) users: u64,
    /// Change each host with every CALM-th reading only; hosts read once a second
    #[arg(long, default_value_t = 1, value_name = "CALM")]
    pub(crate) calm: u64,
    /// Set the mean time in seconds for which a GPU keeps its use
    #[arg(long, default_value_t = 120)]
    pub(crate) session: u64,
    /// Draw other hosts, users and values
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Give hosts GPUs in trouble
    #[arg(long, default_value = "0", value_name = "SHARE")]
    sick: Share,
    /// Give hosts MIG instances
    #[arg(long, default_value = "0", value_name = "SHARE")]
    mig: Share,
    /// Answer for hosts as an agent of an earlier release
    #[arg(long, default_value = "0", value_name = "SHARE")]
    older: Share,
    /// Answer for hosts as the original Python agent
    #[arg(long, default_value = "0", value_name = "SHARE")]
    original: Share,
    /// Answer slowly for hosts
    #[arg(long, default_value = "0", value_name = "SHARE")]
    slow: Share,
    /// Accept connections to hosts without an answer
    #[arg(long, default_value = "0", value_name = "SHARE")]
    silent: Share,
    /// List hosts on a port where nothing listens
    #[arg(long, default_value = "0", value_name = "SHARE")]
    dead: Share,
    /// Answer for hosts with what no agent sends
    #[arg(long, default_value = "0", value_name = "SHARE")]
    hostile: Share,
    /// Expect this token from clients
    #[arg(long)]
    token: Option<String>,
    /// Listen on this address
    #[arg(long, default_value = "127.0.0.1")]
    bind: std::net::IpAddr,
    /// List the hosts under this name instead of the address
    #[arg(long, value_name = "NAME")]
    listed: Option<String>,
    /// Listen from this port on; 0: free ports
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Spread the hosts over this number of ports
    #[arg(long, default_value_t = 1)]
    ports: u16,
    /// Write the list of hosts to this file, in the format of Prometheus' file_sd
    #[arg(long)]
    pub(crate) list: PathBuf,
}

impl Options {
    fn world(&self) -> World {
        World {
            seed: self.seed,
            gpus: self.gpus,
            users: self.users,
            calm: self.calm.max(1),
            session_ms: self.session.max(1) * 1000,
        }
    }

    /// The hosts, whose kinds are spread by the seed.
    fn hosts(&self, world: &World) -> Vec<Host> {
        let mut order: Vec<usize> = (0..self.hosts).collect();
        order.sort_by_key(|number| drawn(&[self.seed, 9, *number as u64]));
        let shares = [self.sick, self.mig, self.older, self.original, self.slow, self.silent, self.dead, self.hostile];
        let mut kinds = BTreeMap::new();
        let mut left = order.into_iter();
        for ((kind, _), share) in Kind::OTHERS.iter().zip(shares) {
            kinds.extend(left.by_ref().take(share.of(self.hosts)).map(|number| (number, *kind)));
        }
        let kind = |number: usize| kinds.get(&number).copied().unwrap_or(Kind::Usual);
        (0..self.hosts).map(|number| Host::new(world, number, kind(number))).collect()
    }
}

/// The simulation of a process with these arguments.
pub(super) fn simulated(arguments: &[String]) -> Outcome<(World, Vec<Host>)> {
    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        options: Options,
    }
    let start = ["agents", "--list=/dev/null"].map(str::to_owned);
    let options = Alone::try_parse_from(start.iter().chain(arguments))?.options;
    let world = options.world();
    let hosts = options.hosts(&world);
    Ok((world, hosts))
}

/// Runs until it is ended.
pub(crate) fn run(options: &Options) -> Outcome {
    let world = options.world();
    let hosts = options.hosts(&world);
    let models = Models::copy(options.gpus, |kind| hosts.iter().any(|host| host.kind == kind))?;
    let sim = Arc::new(Sim::new(world, hosts, models, options.token.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut addresses = Vec::new();
        for number in 0..options.ports.max(1) {
            let port = if options.port == 0 { 0 } else { options.port + number };
            let listener = TcpListener::bind((options.bind, port)).await?;
            addresses.push(listener.local_addr()?);
            tokio::spawn(Arc::clone(&sim).accept(listener));
        }
        // A port that is bound without listening is nobody else's, and refuses connections.
        let dead = TcpSocket::new_v4()?;
        dead.bind(([127, 0, 0, 1], 0).into())?;
        write_list(options, &sim, &addresses, dead.local_addr()?)?;
        println!("{}", json!({ "addresses": addresses, "list": options.list }));
        sim.tick().await;
        Ok(())
    })
}

/// Writes the list of hosts, whole at once.
fn write_list(options: &Options, sim: &Sim, addresses: &[SocketAddr], dead: SocketAddr) -> Outcome {
    let entries: Vec<serde_json::Value> = sim
        .hosts
        .iter()
        .map(|host| {
            let address = if host.kind == Kind::Dead { dead } else { addresses[host.number % addresses.len()] };
            let mut labels = serde_json::Map::new();
            labels.extend(host.labels(&sim.world).map(|(name, value)| (name.to_owned(), value.into())));
            labels.insert("__metrics_path__".into(), format!("/{}/metrics", host.name).into());
            if host.kind != Kind::Usual {
                labels.insert("simulated".into(), host.kind.name().into());
            }
            let target = options
                .listed
                .as_ref()
                .map_or_else(|| address.to_string(), |name| format!("{name}:{}", address.port()));
            json!({ "targets": [target], "labels": labels })
        })
        .collect();
    let new = options.list.with_extension("new");
    fs::write(&new, serde_json::to_string_pretty(&entries)? + "\n")?;
    fs::rename(&new, &options.list)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_is_number_or_percentage() {
        assert_eq!(["3", "1%", "0.5%"].map(|text| text.parse::<Share>().unwrap().of(1000)), [3, 10, 5]);
        for wrong in ["", "-1", "%", "101%", "1.5"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
