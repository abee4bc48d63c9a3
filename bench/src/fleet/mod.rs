//! Many simulated agents, and the cost of a hub in front of them.

pub(crate) mod agents;
pub(crate) mod chaos;
mod engine;
mod engines;
mod faults;
mod hostile;
pub(crate) mod measure;
mod models;
mod programs;
mod reader;
mod serve;
mod template;
mod world;
