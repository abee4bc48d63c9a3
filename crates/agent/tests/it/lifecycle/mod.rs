//! Configuration, start, stop, the collector process and the service.

mod accounting;
pub(crate) mod collector;
mod configuration;
mod exhaustion;
mod health;
mod host_trouble;
mod kept;
mod log;
mod missing;
mod release;
mod shutdown;
mod slurm;
mod systemd;
mod usage_command;
mod waiting;
