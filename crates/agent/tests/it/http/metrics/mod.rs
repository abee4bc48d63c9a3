//! `/metrics`, by the programs of others: each metric as it is read back, rules and dashboards on a real Prometheus.

mod alertmanager;
mod configured;
mod dcgm;
mod deploy;
mod driver;
mod engine;
mod host;
mod hub_usage;
mod usage;
pub(crate) mod values;
