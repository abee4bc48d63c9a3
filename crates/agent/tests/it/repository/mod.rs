//! The repository itself: documents, crates, schema and scripts.

mod commands;
mod cycles;
mod documents;
mod fleet;
mod gpu_check;
mod openapi;
mod shape;
