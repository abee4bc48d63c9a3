//! The library as its callers use it: loaded from a file, called through pointers.

#![allow(unsafe_code, reason = "a C library is called")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod calls;
mod captured;
mod events;
mod facts;
mod failures;
mod fields;
mod gpm;
mod plain;
mod processes;
mod scenario_file;
mod support;
