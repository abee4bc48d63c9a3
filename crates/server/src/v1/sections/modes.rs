//! How a GPU is set up.

use telemetry::{Absence, Reading, sample::Fabric, snapshot::Gpu};

use crate::v1::{view::view, words};

/// `nvmlGpuFabricState_t`: there is none.
const NO_FABRIC: u32 = 0;
/// `nvmlGpuFabricState_t`: only then does the status mean anything.
const COMPLETED: u32 = 3;

fn fabric(gpu: &Gpu) -> Reading<Fabric> {
    gpu.slow.fabric.and_then(|fabric| if fabric.state == NO_FABRIC { Err(Absence::NotSupported) } else { Ok(fabric) })
}

view! {
    /// How a GPU is set up.
    struct Modes of (eye, gpu: &Gpu) {
        /// Whether the driver stays loaded without a client.
        /// Source: `nvmlDeviceGetPersistenceMode`. Lane: slow. Absent: `not_supported` under WSL.
        read persistence: Option<bool> = gpu.slow.persistence_mode;
        /// Who may compute: `default`, `exclusive_thread`, `prohibited`, `exclusive_process`, or `unknown_N`.
        /// Source: `nvmlDeviceGetComputeMode`. Lane: slow. Absent: as the GPU is.
        read compute: Option<String> = gpu.slow.compute_mode.map(words::compute_mode);
        /// Whether it is cut into MIG instances.
        /// Source: `nvmlDeviceGetMigMode`, the current one. Lane: slow. Absent: `not_supported` where it cannot be.
        read mig: Option<bool> = gpu.slow.mig_mode;
        /// Whether a display is driven.
        /// Source: `nvmlDeviceGetDisplayActive`. Lane: slow. Absent: `not_supported` on some vGPUs.
        read display_active: Option<bool> = gpu.slow.display_active;
        /// Whether any feature of a virtual GPU is licensed.
        /// Source: `nvmlDeviceGetGridLicensableFeatures_v4`. Lane: slow. Absent: `not_supported` where there are no licences.
        read vgpu_licensed: Option<bool> = gpu.slow.vgpu_licensed;
    }
}

view! {
    /// Where a GPU stands with the NVSwitch fabric.
    struct FabricView of (eye, gpu: &Gpu) {
        /// `not_started`, `in_progress`, `completed`, or `unknown_N`.
        /// Source: `nvmlDeviceGetGpuFabricInfo`. Lane: slow. Absent: `not_supported` without a fabric.
        read state: Option<String> = fabric(gpu).map(|fabric| words::fabric_state(fabric.state));
        /// NVML's return code of the registration: 0 if it went well.
        /// Source: `nvmlDeviceGetGpuFabricInfo`. Lane: slow. Absent: `not_supported` without a fabric, `timeout` until it is completed.
        read status: Option<u32> = fabric(gpu)
            .and_then(|fabric| if fabric.state < COMPLETED { Err(Absence::Timeout) } else { Ok(fabric.status) });
    }
}
