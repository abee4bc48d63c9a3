//! A `libnvidia-ml.so.1` that plays a scenario.
//!
//! Programs load it instead of NVIDIA's library: it exports the same C functions. A TOML file, named by
//! `FAKE_NVML_SCENARIO`, holds the values that they return and the faults to simulate ([`scenario`] describes it). With
//! `FAKE_NVML_CALLS`, the calls of each function are counted in that file.
//!
//! It shares no code with the collector, because a simulated driver built on the collector would share its mistakes.

#![allow(unsafe_code, reason = "this crate is a C library: its callers pass pointers")]

mod abi;
mod answer;
mod argument;
mod call;
mod code;
mod commands;
mod counters;
mod engine;
mod events;
mod fault;
mod function;
mod gpm;
mod handle;
mod log;
mod pointer;
mod process_list;
mod scenario;
mod stray;
mod value;
