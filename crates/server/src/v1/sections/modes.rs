//! How a GPU is set up.

use telemetry::snapshot::Gpu;

use crate::v1::{view::view, words};

view! {
    /// How a GPU is set up.
    struct Modes of (eye, gpu: &Gpu) {
        /// Whether the driver stays loaded without a client.
        /// Source: `nvmlDeviceGetPersistenceMode`. Lane: slow. Absent: `not_supported` under WSL.
        read persistence: Option<bool> = gpu.readings.modes.persistence;
        /// Who may compute: `default`, `exclusive_thread`, `prohibited`, `exclusive_process`, or `unknown_N`.
        /// Source: `nvmlDeviceGetComputeMode`. Lane: slow. Absent: as the GPU is.
        read compute: Option<String> = gpu.readings.modes.compute.map(words::compute_mode);
        /// Whether it is cut into MIG instances.
        /// Source: `nvmlDeviceGetMigMode`, the current one. Lane: slow. Absent: `not_supported` where it cannot be.
        read mig: Option<bool> = gpu.readings.modes.mig;
        /// Whether a display is driven.
        /// Source: `nvmlDeviceGetDisplayActive`. Lane: slow. Absent: `not_supported` on some vGPUs.
        read display_active: Option<bool> = gpu.readings.modes.display_active;
        /// Whether any feature of a virtual GPU is licensed.
        /// Source: `nvmlDeviceGetGridLicensableFeatures_v4`. Lane: slow. Absent: `not_supported` where there are no licences.
        read vgpu_licensed: Option<bool> = gpu.readings.modes.vgpu_licensed;
    }
}

view! {
    /// Where a GPU stands with the NVSwitch fabric.
    struct FabricView of (eye, gpu: &Gpu) {
        /// `not_started`, `in_progress`, `completed`, or `unknown_N`.
        /// Source: `nvmlDeviceGetGpuFabricInfo`. Lane: slow. Absent: `not_supported` without a fabric.
        read state: Option<String> = gpu.readings.fabric.state.map(words::fabric_state);
        /// NVML's return code of the registration: 0 if it went well.
        /// Source: `nvmlDeviceGetGpuFabricInfo`. Lane: slow. Absent: `not_supported` without a fabric, `timeout` until it is completed.
        read status: Option<u32> = gpu.readings.fabric.status;
    }
}
