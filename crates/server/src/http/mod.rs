//! What every answer has in common, whatever it is about.

pub(crate) mod access_log;
pub(crate) mod answer;
pub(crate) mod coding;
pub(crate) mod envelope;
pub(crate) mod headers;
pub(crate) mod hosts;
pub(crate) mod origins;
pub(crate) mod percent;
pub(crate) mod pieces;
pub(crate) mod prefix;
pub(crate) mod problem;
pub(crate) mod reply;
pub(crate) mod requests;
