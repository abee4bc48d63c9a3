//! The hub: many hosts on one page, and the GPU that is free now.
//!
//! Data flows one way. Discovery keeps the list of targets; a link per agent receives its summaries; the fleet joins
//! them and renders each view once a second; handlers only pick bytes. The hub has no database, and sends requests to
//! listed targets only.

mod client;
mod credentials;
pub mod discovery;
pub mod engine;
mod escape;
pub mod fleet;
pub mod link;
mod lookup;
pub mod proxy;
mod report;
pub mod router;
mod run;
mod target;
pub mod usage;
mod viewers;
mod views;
mod wire;

pub use client::{Ask, Client, ClientError, ClientTls, Connection};
pub use credentials::{AgentTokens, AgentTokensError, Credentials};
pub use report::{Counts, Failure, GpuReport, MigReport, Observation, Report, Seen, Source};
pub use run::{Descriptors, Hub, HubConfig, ViewerConfig};
pub use target::{Endpoint, Scheme, SourceState, Target, TargetList};
pub use viewers::Viewers;
