//! A `libnvidia-ml.so.1` that plays a scenario.
//!
//! Programs load it in place of the vendor's library and cannot tell: it exports the same C functions. What they answer
//! is read from a TOML file that `FAKE_NVML_SCENARIO` names ([`scenario`] tells what it may say); what goes wrong, and
//! when, stands there too. With `FAKE_NVML_CALLS` it keeps count of each function's calls in that file.
//!
//! It shares no code with the program's own reader of NVML: a fake built on the reader would share its mistakes.

#![allow(unsafe_code, reason = "this crate is a C library: its callers hand it pointers")]

mod abi;
mod answer;
mod call;
mod code;
mod commands;
mod counters;
mod engine;
mod events;
mod fault;
mod gpm;
mod handle;
mod pointer;
mod process_list;
mod scenario;
mod stray;
mod value;
