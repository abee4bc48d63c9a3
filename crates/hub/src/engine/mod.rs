//! An engine with the Prometheus HTTP API behind the hub: Prometheus, VictoriaMetrics, Mimir, Thanos.
//!
//! Queries are fixed; names of hosts enter them through [`promql`] only. Nothing is joined in the engine, because Prometheus
//! refuses two label sets of one GPU and VictoriaMetrics answers with both.

mod answer;
mod api;
mod check;
mod config;
mod live;
mod past;
mod promql;
#[cfg(test)]
mod stand_in;
mod usage;
mod visible;

pub use api::EngineError;
pub use check::{Checked, check};
pub use config::{EngineConfig, EngineCredentials};
pub use live::run;
pub use past::Past;
pub(crate) use usage::Totals;
pub use visible::{Looking, Visible, VisibleHosts};
