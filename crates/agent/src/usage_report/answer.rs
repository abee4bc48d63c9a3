//! Fields of `/api/v1/usage`.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The answer. An agent of another version may lack some fields.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Report {
    /// Begin, Unix time in milliseconds.
    pub(super) since: i64,
    /// End, Unix time in milliseconds.
    pub(super) until: i64,
    /// Dimensions of the rows.
    pub(super) by: Vec<String>,
    pub(super) devices: Option<u64>,
    pub(super) device_seconds: Option<f64>,
    pub(super) rows: Vec<Row>,
    pub(super) free_gpu_seconds: Option<f64>,
    pub(super) unknown_gpu_seconds: Option<f64>,
    pub(super) unassigned_gpu_seconds: Option<f64>,
    pub(super) unobserved_gpu_seconds: Option<f64>,
    pub(super) energy_joules: Option<f64>,
    /// Price of an hour of a GPU, if the agent has one.
    pub(super) price_gpu_hour: Option<Price>,
    /// Why it is in memory only.
    pub(super) note: Option<String>,
}

/// Price of an hour of a GPU.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Price {
    pub(super) amount: f64,
    /// Code of three letters.
    pub(super) currency: String,
}

/// Sums of one group.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Row {
    pub(super) gpu_seconds: Option<f64>,
    pub(super) present_gpu_seconds: Option<f64>,
    pub(super) busy_gpu_seconds: Option<f64>,
    pub(super) idle_gpu_seconds: Option<f64>,
    pub(super) energy_joules: Option<f64>,
    pub(super) sessions: Option<u64>,
    /// Keys of the dimensions, and fields that the table does not show.
    #[serde(flatten)]
    pub(super) keys: Map<String, Value>,
}
