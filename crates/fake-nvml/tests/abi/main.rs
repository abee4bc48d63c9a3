//! The library as its callers meet it: loaded from a file, called through pointers.

#![allow(unsafe_code, reason = "a C library is called")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what tests share fails as tests do")]

mod calls;
mod captured;
mod events;
mod facts;
mod failures;
mod gpm;
mod processes;
mod scenario_file;
mod support;
