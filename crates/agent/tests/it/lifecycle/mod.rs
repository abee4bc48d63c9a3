//! Configuration, start, stop, the collector process and the service.

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
