//! The release binary against the fake driver, over HTTP: one module per behaviour.

mod bad_input;
mod collector;
mod configuration;
mod golden;
mod load;
mod recovery;
mod support;
