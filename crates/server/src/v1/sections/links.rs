//! What connects a GPU: PCIe and NVLink.

use telemetry::snapshot::Gpu;

use crate::v1::view::view;

view! {
    /// The PCIe link.
    struct Pcie of (eye, gpu: &Gpu) {
        /// The generation that it runs at now; it falls while the GPU is idle.
        /// Source: `nvmlDeviceGetCurrPcieLinkGeneration`. Lane: slow. Absent: `not_supported` where there is no PCIe, as on unified memory.
        read generation: Option<u32> = gpu.readings.pcie.generation;
        /// Its lanes now.
        /// Source: `nvmlDeviceGetCurrPcieLinkWidth`. Lane: slow. Absent: `not_supported` where there is no PCIe, as on unified memory.
        read width: Option<u32> = gpu.readings.pcie.width;
        /// The highest generation that GPU and slot can run at.
        /// Source: `nvmlDeviceGetMaxPcieLinkGeneration`. Lane: slow. Absent: `not_supported` where there is no PCIe, as on unified memory.
        read max_generation: Option<u32> = gpu.readings.pcie.max_generation;
        /// The most lanes that GPU and slot can have.
        /// Source: `nvmlDeviceGetMaxPcieLinkWidth`. Lane: slow. Absent: `not_supported` where there is no PCIe, as on unified memory.
        read max_width: Option<u32> = gpu.readings.pcie.max_width;
        /// What the GPU sent.
        /// Source: GPM metric 20, else field 197. Lane: traffic. Absent: `not_supported` where neither is there, and where field 197 counts with 32 bits and the link is fast enough to go around them unseen; `timeout` before the second reading.
        read tx_bytes_per_second: Option<u64> = gpu.readings.pcie.tx_bytes_per_second;
        /// What the GPU received.
        /// Source: GPM metric 21, else field 198. Lane: traffic. Absent: as `tx_bytes_per_second`.
        read rx_bytes_per_second: Option<u64> = gpu.readings.pcie.rx_bytes_per_second;
        /// Packets that had to be sent again.
        /// Source: `nvmlDeviceGetPcieReplayCounter`. Lane: slow. Absent: `not_supported` where it is not counted.
        read replays: Option<u32> = gpu.readings.pcie.replays;
    }
}

view! {
    /// NVLink, all links together.
    struct Nvlink of (eye, gpu: &Gpu) {
        /// Links that are up.
        /// Source: `nvmlDeviceGetNvLinkState`. Lane: slow. Absent: `not_supported` without NVLink.
        read links_active: Option<u32> = gpu.readings.nvlink.links_active;
        /// Links there are.
        /// Source: `nvmlDeviceGetNvLinkState`. Lane: slow. Absent: `not_supported` without NVLink.
        read links_total: Option<u32> = gpu.readings.nvlink.links_total;
        /// What the GPU sent.
        /// Source: GPM metric 61, else field 138. Lane: traffic. Absent: `not_supported` without NVLink, `timeout` before the second reading.
        read tx_bytes_per_second: Option<u64> = gpu.readings.nvlink.tx_bytes_per_second;
        /// What the GPU received.
        /// Source: GPM metric 60, else field 139. Lane: traffic. Absent: as `tx_bytes_per_second`.
        read rx_bytes_per_second: Option<u64> = gpu.readings.nvlink.rx_bytes_per_second;
        /// Errors of all links and kinds.
        /// Source: `nvmlDeviceGetNvLinkErrorCounter`, else fields 161 to 163 of each link, else 206, 207, 208, 211, 212 and 215 of all. Lane: slow. Absent: `not_supported` where they are not counted.
        read errors: Option<u64> = gpu.readings.nvlink.errors;
    }
}
