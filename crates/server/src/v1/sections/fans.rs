//! Fans.

use telemetry::{Reading, snapshot::Gpu};

use crate::v1::view::{ViewContext, view};

view! {
    /// One fan.
    struct Fan of (_eye, percent: u32) {
        /// Intended speed, in % of the highest; may exceed 100.
        /// Source: `nvmlDeviceGetFanSpeed_v2`. Read: 10 ticks. Absent: never; see `fans`.
        value speed_percent: u32 = percent;
    }
}

impl Fan {
    /// All fans, or the only one that an older driver reports.
    pub(crate) fn all(context: &mut ViewContext, gpu: &Gpu) -> Reading<Vec<Self>> {
        let fans = &gpu.readings.fans;
        let speeds =
            fans.speeds_percent.clone().or_else(|why| fans.speed_percent.map(|only| vec![only]).map_err(|_| why));
        Ok(speeds?.into_iter().map(|percent| Self::of(context, percent)).collect())
    }
}
