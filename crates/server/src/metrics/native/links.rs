//! PCIe, NVLink and the fabric.

use crate::{
    metrics::{
        table::{Metric, Of, wide},
        text::Kind,
    },
    v1::words,
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::gauge(
        "nvsmi_gpu_pcie_generation",
        "",
        "The generation that the PCIe link runs at; it falls while a GPU is idle.",
        |gpu| gpu.readings.pcie.generation.map(f64::from),
    )
    .from("`nvmlDeviceGetCurrPcieLinkGeneration`")
    .dcgm("DCGM_FI_DEV_PCIE_LINK_GEN"),
    Metric::gauge("nvsmi_gpu_pcie_width", "", "The lanes that the PCIe link runs on.", |gpu| {
        gpu.readings.pcie.width.map(f64::from)
    })
    .from("`nvmlDeviceGetCurrPcieLinkWidth`")
    .dcgm("DCGM_FI_DEV_PCIE_LINK_WIDTH"),
    Metric::gauge("nvsmi_gpu_pcie_max_generation", "", "The generation that GPU and slot can both do.", |gpu| {
        gpu.readings.pcie.max_generation.map(f64::from)
    })
    .from("`nvmlDeviceGetMaxPcieLinkGeneration`")
    .dcgm("DCGM_FI_DEV_PCIE_MAX_LINK_GEN"),
    Metric::gauge("nvsmi_gpu_pcie_max_width", "", "The lanes that GPU and slot both have.", |gpu| {
        gpu.readings.pcie.max_width.map(f64::from)
    })
    .from("`nvmlDeviceGetMaxPcieLinkWidth`")
    .dcgm("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH"),
    Metric::gauge(
        "nvsmi_gpu_pcie_transmit_bytes_per_second",
        "bytes_per_second",
        "What a GPU sends over PCIe.",
        |gpu| gpu.readings.pcie.tx_bytes_per_second.map(wide),
    )
    .from("`nvmlGpmMetricsGet`, metric 20, else field 197")
    .dcgm("DCGM_FI_PROF_PCIE_TX_BYTES"),
    Metric::gauge(
        "nvsmi_gpu_pcie_receive_bytes_per_second",
        "bytes_per_second",
        "What a GPU receives over PCIe.",
        |gpu| gpu.readings.pcie.rx_bytes_per_second.map(wide),
    )
    .from("`nvmlGpmMetricsGet`, metric 21, else field 198")
    .dcgm("DCGM_FI_PROF_PCIE_RX_BYTES"),
    Metric::counter("nvsmi_gpu_pcie_replays_total", "", "Packets that had to be sent again over PCIe.", |gpu| {
        gpu.readings.pcie.replays.map(f64::from)
    })
    .from("`nvmlDeviceGetPcieReplayCounter`")
    .dcgm("DCGM_FI_DEV_PCIE_REPLAY_COUNTER"),
    Metric::gauge("nvsmi_gpu_nvlink_links", "", "NVLink links that there are.", |gpu| {
        gpu.readings.nvlink.links_total.map(f64::from)
    })
    .from("`nvmlDeviceGetNvLinkState`"),
    Metric::gauge("nvsmi_gpu_nvlink_links_active", "", "NVLink links that are up.", |gpu| {
        gpu.readings.nvlink.links_active.map(f64::from)
    })
    .from("`nvmlDeviceGetNvLinkState`"),
    Metric::gauge(
        "nvsmi_gpu_nvlink_transmit_bytes_per_second",
        "bytes_per_second",
        "What a GPU sends over NVLink, all links together.",
        |gpu| gpu.readings.nvlink.tx_bytes_per_second.map(wide),
    )
    .from("`nvmlGpmMetricsGet`, metric 61, else field 138")
    .dcgm("DCGM_FI_PROF_NVLINK_TX_BYTES, DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"),
    Metric::gauge(
        "nvsmi_gpu_nvlink_receive_bytes_per_second",
        "bytes_per_second",
        "What a GPU receives over NVLink, all links together.",
        |gpu| gpu.readings.nvlink.rx_bytes_per_second.map(wide),
    )
    .from("`nvmlGpmMetricsGet`, metric 60, else field 139")
    .dcgm("DCGM_FI_PROF_NVLINK_RX_BYTES, DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"),
    Metric::counter("nvsmi_gpu_nvlink_errors_total", "", "NVLink errors of every kind, all links together.", |gpu| {
        gpu.readings.nvlink.errors.map(wide)
    })
    .from("`nvmlDeviceGetNvLinkErrorCounter`"),
    Metric::new(
        "nvsmi_gpu_fabric_state",
        Kind::Gauge,
        "",
        "Where a GPU stands with the NVSwitch fabric, which is the label; always 1.",
        Of::Gpus(|gpu, samples| {
            if let Ok(fabric) = gpu.readings.fabric.state {
                samples.push(&[&words::fabric_state(fabric)], 1.0);
            }
        }),
    )
    .with(&["state"])
    .from("`nvmlDeviceGetGpuFabricInfo`"),
];
