//! The agent's answers over HTTP, and its clients.

mod bad_requests;
mod exposure;
mod find;
mod fuzzed;
mod golden;
mod history;
pub(crate) mod metrics;
mod recipes;
pub(crate) mod stream;
mod tls;
mod usage_api;
