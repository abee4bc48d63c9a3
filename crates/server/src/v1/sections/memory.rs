//! Memory.

use telemetry::snapshot::Gpu;

use crate::v1::view::view;

view! {
    /// A GPU's memory.
    struct MemoryView of (eye, gpu: &Gpu) {
        /// All of it.
        /// Source: `nvmlDeviceGetMemoryInfo_v2`, else `nvmlDeviceGetMemoryInfo`, else `/proc/meminfo`. Lane: fast. Absent: as the GPU is.
        read total_bytes: Option<u64> = gpu.readings.memory.total_bytes;
        /// In use; without what is reserved where `reserved_bytes` is told, else with it.
        /// Source: as `total_bytes`. Lane: fast. Absent: as the GPU is.
        read used_bytes: Option<u64> = gpu.readings.memory.used_bytes;
        /// Free for allocation.
        /// Source: as `total_bytes`. Lane: fast. Absent: as the GPU is.
        read free_bytes: Option<u64> = gpu.readings.memory.free_bytes;
        /// Reserved by driver and firmware.
        /// Source: `nvmlDeviceGetMemoryInfo_v2`. Lane: fast. Absent: `not_supported` before driver 510.
        read reserved_bytes: Option<u64> = gpu.readings.memory.reserved_bytes;
        /// Whether it is the host's memory, which the GPU shares.
        /// Source: `nvmlDeviceGetMemoryInfo_v2` tells none. Lane: fast. Absent: as the GPU is.
        read unified: Option<bool> = gpu.readings.memory.unified;
        /// The window through which the host writes to it.
        /// Source: `nvmlDeviceGetBAR1MemoryInfo`. Lane: slow. Absent: `not_supported` on unified memory.
        read bar1_total_bytes: Option<u64> = gpu.readings.memory.bar1_total_bytes;
        /// What of that window is mapped.
        /// Source: `nvmlDeviceGetBAR1MemoryInfo`. Lane: slow. Absent: `not_supported` on unified memory.
        read bar1_used_bytes: Option<u64> = gpu.readings.memory.bar1_used_bytes;
    }
}
