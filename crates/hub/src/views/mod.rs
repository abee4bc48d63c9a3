//! Answers of the hub: picked from what is published, or computed from it in microseconds.

mod counted;
mod find;
mod metrics;
mod prepare;
mod rows;
mod stream;
mod text;
mod users;

pub(crate) use counted::Counted;
pub(crate) use find::find;
pub(crate) use metrics::{Scrape, scrape};
pub(crate) use prepare::Preparer;
pub(crate) use rows::Rows;
pub(crate) use stream::{Asked, open};
pub(crate) use text::summary;
pub(crate) use users::users;
