//! Many simulated agents, and the cost of a hub in front of them.

pub(crate) mod agents;
mod hostile;
mod models;
mod serve;
mod template;
mod world;
