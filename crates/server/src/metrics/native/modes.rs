//! How a GPU is set up.

use crate::{
    metrics::{
        table::{Metric, Of, flag},
        text::Kind,
    },
    v1::words,
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::gauge("nvsmi_gpu_persistence_mode", "", "1 if the driver stays loaded without a client.", |gpu| {
        gpu.readings.modes.persistence.map(flag)
    })
    .from("`nvmlDeviceGetPersistenceMode`")
    .dcgm("DCGM_FI_DEV_PERSISTENCE_MODE"),
    Metric::gauge("nvsmi_gpu_mig_mode", "", "1 if a GPU is cut into MIG instances.", |gpu| {
        gpu.readings.modes.mig.map(flag)
    })
    .from("`nvmlDeviceGetMigMode`")
    .dcgm("DCGM_FI_DEV_MIG_MODE"),
    Metric::gauge("nvsmi_gpu_display_active", "", "1 if a GPU drives a display.", |gpu| {
        gpu.readings.modes.display_active.map(flag)
    })
    .from("`nvmlDeviceGetDisplayActive`"),
    Metric::new(
        "nvsmi_gpu_compute_mode",
        Kind::Gauge,
        "",
        "Who may compute, which is the label; always 1.",
        Of::Gpus(|gpu, samples| {
            if let Ok(mode) = gpu.readings.modes.compute {
                samples.push(&[&words::compute_mode(mode)], 1.0);
            }
        }),
    )
    .with(&["mode"])
    .from("`nvmlDeviceGetComputeMode`")
    .dcgm("DCGM_FI_DEV_COMPUTE_MODE"),
    Metric::gauge("nvsmi_gpu_vgpu_licensed", "", "1 if a feature of a virtual GPU is licensed.", |gpu| {
        gpu.readings.modes.vgpu_licensed.map(flag)
    })
    .from("`nvmlDeviceGetGridLicensableFeatures_v4`")
    .dcgm("DCGM_FI_DEV_VGPU_LICENSE_STATUS"),
];
