//! The entries.

use serde::{Deserialize, Serialize};

use super::{
    spec::{
        Dcgm, DcgmUnit as D, Every, Group,
        Instance::{self, Own},
        Metric,
        Set::{Asked, Default as Standard, More},
        Spec,
    },
    value::{Typed, Unit, Value},
    words,
};
use crate::{Absence, Reading};

/// No driver reports more: GPUs have hundreds of GiB, a host's unified memory a few TiB.
const TEBI: f64 = 1_099_511_627_776.0;
/// 10 kW: seven times the largest board of 2026.
const MAX_MW: f64 = 1.0e7;
/// 10 GHz.
const MAX_MHZ: f64 = 1.0e4;
/// 40 GHz: drivers report the effective rate of some memories.
const MAX_MEMORY_MHZ: f64 = 4.0e4;
/// One below 32 bits of ones, which drivers report in place of a number that they do not have.
const MAX_COUNT: f64 = 4_294_967_294.0;
/// More than any memory or link reports: 100 million.
const MAX_ERRORS_PER_SECOND: f64 = 1.0e8;
const SMALL: &str = "Numbers of states are small.";
const PART: &str = "A part of the total is not larger than it.";
const RISES: &str = "All ones are a filler, and no rise is that fast.";
const MEMORY: &str = "`nvmlDeviceGetMemoryInfo_v2`, else `nvmlDeviceGetMemoryInfo`, else `/proc/meminfo`";
const NO_PCIE: &str = "`not_supported` where there is no PCIe, as on unified memory";
const BEFORE_HOPPER: &str = "`not_supported` before Hopper";
const NO_ECC: &str = "`not_supported` without ECC";
const ECC_HELP: &str =
    "Memory errors by type, since the driver was loaded (volatile) or over the GPU's life (aggregate).";
const ROWS_HELP: &str = "Memory rows replaced by spare ones, by type of the errors in them.";
const THROTTLED_HELP: &str =
    "Time for which the power limit or heat has held the clocks down, since the driver was loaded.";

catalogue! {
    apart {
        /// Identity of a GPU.
        section identity: Identity, "" {
            Uuid = uuid: String, "uuid" {
                unit: Unit::Text,
                description: "Permanent identifier: history, events and counters go by it.",
                nvml: "`nvmlDeviceGetUUID`",
                absent: "where the driver never reported it",
                every: Every::Handle,
                label: "UUID",
                group: Some(Group::Identity),
            }
            Name = name: String, "name" {
                unit: Unit::Text,
                description: "Product name.",
                nvml: "`nvmlDeviceGetName`",
                absent: "where the driver never reported it",
                every: Every::Handle,
                label: "Name",
                group: Some(Group::Identity),
            }
            Serial = serial: String, "serial" {
                unit: Unit::Text,
                description: "Serial number of the board.",
                nvml: "`nvmlDeviceGetSerial`",
                absent: "`not_supported` on consumer boards",
                every: Every::Handle,
                label: "Serial number",
                group: Some(Group::Identity),
            }
            PciBusId = pci_bus_id: String, "pci_bus_id" {
                unit: Unit::Text,
                description: "Address on the PCI bus.",
                nvml: "`nvmlDeviceGetPciInfo_v3`, `busId`",
                absent: "where the driver never reported it",
                every: Every::Handle,
                label: "PCI bus ID",
                group: Some(Group::Identity),
            }
            Architecture = architecture: u32, "architecture" {
                unit: Unit::Word(words::ARCHITECTURES),
                description: "Architecture: `kepler`, `maxwell`, `pascal`, `volta`, `turing`, `ampere`, `ada`, `hopper`, `blackwell`, `dla2`, `rubin`, `npu3`, or `unknown_N`.",
                nvml: "`nvmlDeviceGetArchitecture`",
                range: Some(0.0..=1000.0),
                plausible: SMALL,
                absent: "`not_supported` before driver 450",
                every: Every::Handle,
                label: "Architecture",
                group: Some(Group::Identity),
            }
            ComputeCapability = compute_capability: String, "compute_capability" {
                unit: Unit::Text,
                description: "CUDA compute capability, such as `9.0`.",
                nvml: "`nvmlDeviceGetCudaComputeCapability`",
                absent: "where the driver never reported it",
                every: Every::Handle,
                label: "Compute capability",
                group: Some(Group::Identity),
            }
            MinorNumber = minor_number: u32, "minor_number" {
                description: "Number in `/dev/nvidiaN`.",
                nvml: "`nvmlDeviceGetMinorNumber`",
                range: Some(0.0..=1_048_575.0),
                plausible: "Linux has 20 bits for it.",
                absent: "`not_supported` under WSL",
                every: Every::Handle,
                label: "Device file",
                group: Some(Group::Identity),
            }
            ModuleId = module_id: u32, "module_id" {
                description: "Number of the GPU's module on its baseboard.",
                nvml: "`nvmlDeviceGetModuleId`",
                range: Some(0.0..=254.0),
                plausible: "A byte of ones is a filler.",
                absent: "`not_supported` on boards without modules",
                every: Every::Handle,
                label: "Module ID",
                group: Some(Group::Identity),
            }
            VbiosVersion = vbios_version: String, "vbios_version" {
                unit: Unit::Text,
                description: "VBIOS version.",
                nvml: "`nvmlDeviceGetVbiosVersion`",
                absent: "where the driver never reported it",
                every: Every::Handle,
                label: "VBIOS",
                group: Some(Group::Identity),
            }
        }
    }
    within {
        /// Utilization of a GPU's engines over the driver's last sample period.
        section utilization: Utilization, "utilization." {
            UtilizationGpu = gpu_percent: u32, "gpu_percent" {
                unit: Unit::Percent,
                description: "Share of the last sample period in which a kernel ran.",
                nvml: "`nvmlDeviceGetUtilizationRates`",
                range: Some(0.0..=100.0),
                plausible: "A share of the time.",
                absent: "`not_supported` with MIG",
                metric: Some(Metric::gauge("nvsmi_gpu_utilization_ratio").in_fleet()),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_GPU_UTIL", D::Percent, "Time in which a kernel ran")
                    .renamed("DCGM_FI_DEV_GPU_UTIL_RATIO", D::Ratio)],
                history: true,
                label: "GPU",
                group: Some(Group::Utilization),
            }
            UtilizationMemory = memory_percent: u32, "memory_percent" {
                unit: Unit::Percent,
                description: "Share of the last sample period in which memory was read or written.",
                nvml: "`nvmlDeviceGetUtilizationRates`",
                range: Some(0.0..=100.0),
                plausible: "A share of the time.",
                absent: "`not_supported` with MIG",
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_memory_utilization_ratio")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_MEM_COPY_UTIL", D::Percent, "Time in which memory was read or written")
                    .renamed("DCGM_FI_DEV_MEMORY_UTIL_RATIO", D::Ratio)],
                history: true,
                label: "Memory",
                group: Some(Group::Utilization),
            }
            UtilizationEncoder = encoder_percent: u32, "encoder_percent" {
                unit: Unit::Percent,
                description: "Utilization of the video encoder.",
                nvml: "`nvmlDeviceGetEncoderUtilization`",
                range: Some(0.0..=100.0),
                plausible: "A share of the time.",
                absent: "`not_supported` with MIG",
                metric: Some(Metric::gauge("nvsmi_gpu_encoder_utilization_ratio")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_ENC_UTIL", D::Percent, "How busy the encoder is")
                    .renamed("DCGM_FI_DEV_ENC_UTIL_RATIO", D::Ratio)],
                history: true,
                label: "Encoder",
                group: Some(Group::Utilization),
            }
            UtilizationDecoder = decoder_percent: u32, "decoder_percent" {
                unit: Unit::Percent,
                description: "Utilization of the video decoder.",
                nvml: "`nvmlDeviceGetDecoderUtilization`",
                range: Some(0.0..=100.0),
                plausible: "A share of the time.",
                absent: "`not_supported` with MIG",
                metric: Some(Metric::gauge("nvsmi_gpu_decoder_utilization_ratio")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_DEC_UTIL", D::Percent, "How busy the decoder is")
                    .renamed("DCGM_FI_DEV_DEC_UTIL_RATIO", D::Ratio)],
                history: true,
                label: "Decoder",
                group: Some(Group::Utilization),
            }
            UtilizationJpeg = jpeg_percent: u32, "jpeg_percent" {
                unit: Unit::Percent,
                description: "Utilization of the JPEG engine.",
                nvml: "`nvmlDeviceGetJpgUtilization`",
                range: Some(0.0..=100.0),
                plausible: "A share of the time.",
                absent: "`not_supported` before Ampere",
                metric: Some(Metric::gauge("nvsmi_gpu_jpeg_utilization_ratio")),
                label: "JPEG",
                group: Some(Group::Utilization),
            }
            UtilizationOfa = ofa_percent: u32, "ofa_percent" {
                unit: Unit::Percent,
                description: "Utilization of the optical flow accelerator.",
                nvml: "`nvmlDeviceGetOfaUtilization`",
                range: Some(0.0..=100.0),
                plausible: "A share of the time.",
                absent: "`not_supported` before Ampere",
                metric: Some(Metric::gauge("nvsmi_gpu_ofa_utilization_ratio")),
                label: "Optical flow",
                group: Some(Group::Utilization),
            }
        }

        /// Activity over the last window, as ratios from 0 to 1, by the GPU's own monitors (GPM): of a GPU, or of the
        /// GPU instance that a MIG instance is in.
        section activity: Activity, "activity." {
            ActivityGraphics = graphics_ratio: f64, "graphics_ratio" {
                unit: Unit::Ratio,
                description: "Share of the last window in which the graphics or compute engine was active.",
                nvml: "`nvmlGpmMetricsGet`, metric 1",
                range: Some(0.0..=1.0),
                plausible: "A share.",
                absent: BEFORE_HOPPER,
                every: Every::Window,
                metric: Some(Metric::gauge("nvsmi_gpu_graphics_active_ratio")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_PROF_GR_ENGINE_ACTIVE", D::Ratio, "How busy the graphics or compute engine is")
                    .instance(Own).renamed("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO", D::Ratio)],
                label: "Graphics engine",
                group: Some(Group::Activity),
            }
            ActivitySm = sm_ratio: f64, "sm_ratio" {
                unit: Unit::Ratio,
                description: "Share of the last window in which SMs had at least one warp, over all SMs.",
                nvml: "`nvmlGpmMetricsGet`, metric 2",
                range: Some(0.0..=1.0),
                plausible: "A share.",
                absent: BEFORE_HOPPER,
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_sm_active_ratio")),
                dcgm: &[Dcgm::gauge(More, "DCGM_FI_PROF_SM_ACTIVE", D::Ratio, "Time in which SMs had work, over all SMs").instance(Own)
                    .renamed("DCGM_FI_PROF_SM_UTIL_RATIO", D::Ratio)],
                history: true,
                label: "SM active",
                group: Some(Group::Activity),
            }
            ActivitySmOccupancy = sm_occupancy_ratio: f64, "sm_occupancy_ratio" {
                unit: Unit::Ratio,
                description: "Warps resident on the SMs, relative to the highest possible number.",
                nvml: "`nvmlGpmMetricsGet`, metric 3",
                range: Some(0.0..=1.0),
                plausible: "A share.",
                absent: BEFORE_HOPPER,
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_sm_occupancy_ratio")),
                dcgm: &[Dcgm::gauge(More, "DCGM_FI_PROF_SM_OCCUPANCY", D::Ratio, "Warps on the SMs, of those that could be there").instance(Own)
                    .renamed("DCGM_FI_PROF_SM_OCCUPANCY_RATIO", D::Ratio)],
                history: true,
                label: "SM occupancy",
                group: Some(Group::Activity),
            }
            ActivityTensor = tensor_ratio: f64, "tensor_ratio" {
                unit: Unit::Ratio,
                description: "Share of the last window in which any tensor pipe was active.",
                nvml: "`nvmlGpmMetricsGet`, metric 5",
                range: Some(0.0..=1.0),
                plausible: "A share.",
                absent: BEFORE_HOPPER,
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_tensor_active_ratio")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", D::Ratio, "How busy the tensor pipes are")
                    .instance(Own).renamed("DCGM_FI_PROF_TENSOR_UTIL_RATIO", D::Ratio)],
                history: true,
                label: "Tensor active",
                group: Some(Group::Activity),
            }
            ActivityDram = dram_ratio: f64, "dram_ratio" {
                unit: Unit::Ratio,
                description: "Used share of the memory bandwidth.",
                nvml: "`nvmlGpmMetricsGet`, metric 10",
                range: Some(0.0..=1.0),
                plausible: "A share.",
                absent: BEFORE_HOPPER,
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_dram_active_ratio")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_PROF_DRAM_ACTIVE", D::Ratio, "How much of the memory's bandwidth is used")
                    .instance(Own).renamed("DCGM_FI_PROF_DRAM_UTIL_RATIO", D::Ratio)],
                history: true,
                label: "Memory bandwidth",
                group: Some(Group::Activity),
            }
            ActivityFp64 = fp64_ratio: f64, "fp64_ratio" {
                unit: Unit::Ratio,
                description: "Share of the last window in which the FP64 pipe was active.",
                nvml: "`nvmlGpmMetricsGet`, metric 11",
                range: Some(0.0..=1.0),
                plausible: "A share.",
                absent: BEFORE_HOPPER,
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_fp64_active_ratio")),
                dcgm: &[Dcgm::gauge(More, "DCGM_FI_PROF_PIPE_FP64_ACTIVE", D::Ratio, "How busy the FP64 pipe is").instance(Own)
                    .renamed("DCGM_FI_PROF_FP64_UTIL_RATIO", D::Ratio)],
                label: "FP64",
                group: Some(Group::Activity),
            }
            ActivityFp32 = fp32_ratio: f64, "fp32_ratio" {
                unit: Unit::Ratio,
                description: "Share of the last window in which the FP32 pipe was active.",
                nvml: "`nvmlGpmMetricsGet`, metric 12",
                range: Some(0.0..=1.0),
                plausible: "A share.",
                absent: BEFORE_HOPPER,
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_fp32_active_ratio")),
                dcgm: &[Dcgm::gauge(More, "DCGM_FI_PROF_PIPE_FP32_ACTIVE", D::Ratio, "How busy the FP32 pipe is").instance(Own)
                    .renamed("DCGM_FI_PROF_FP32_UTIL_RATIO", D::Ratio)],
                label: "FP32",
                group: Some(Group::Activity),
            }
            ActivityFp16 = fp16_ratio: f64, "fp16_ratio" {
                unit: Unit::Ratio,
                description: "Share of the last window in which the FP16 pipe was active.",
                nvml: "`nvmlGpmMetricsGet`, metric 13",
                range: Some(0.0..=1.0),
                plausible: "A share.",
                absent: BEFORE_HOPPER,
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_fp16_active_ratio")),
                dcgm: &[Dcgm::gauge(More, "DCGM_FI_PROF_PIPE_FP16_ACTIVE", D::Ratio, "How busy the FP16 pipe is").instance(Own)
                    .renamed("DCGM_FI_PROF_FP16_UTIL_RATIO", D::Ratio)],
                label: "FP16",
                group: Some(Group::Activity),
            }
        }

        /// Memory of a GPU.
        section memory: MemoryReadings, "memory." {
            MemoryTotal = total_bytes: u64, "total_bytes" {
                unit: Unit::Bytes,
                description: "Total memory.",
                nvml: MEMORY,
                range: Some(1.0..=TEBI * 1024.0),
                plausible: "A GPU without memory does not exist, and hosts have a few TiB.",
                metric: Some(Metric::gauge("nvsmi_gpu_memory_total_bytes")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_FB_TOTAL", D::Mebibytes, "All memory").instance(Own)
                    .renamed_into(Standard, "DCGM_FI_DEV_FB_CAPACITY_BYTES", D::Bytes)],
                label: "Total",
                group: Some(Group::Memory),
            }
            MemoryUsed = used_bytes: u64, "used_bytes" {
                unit: Unit::Bytes,
                description: "Used memory; without the reserved memory where `reserved_bytes` is known, else with it.",
                nvml: MEMORY,
                range: Some(0.0..=TEBI * 1024.0),
                plausible: PART,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_memory_used_bytes").in_fleet()),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_FB_USED", D::Mebibytes, "Used memory").instance(Own)
                    .renamed("DCGM_FI_DEV_FB_USED_BYTES", D::Bytes)],
                history: true,
                label: "Used",
                group: Some(Group::Memory),
            }
            MemoryFree = free_bytes: u64, "free_bytes" {
                unit: Unit::Bytes,
                description: "Free memory.",
                nvml: MEMORY,
                range: Some(0.0..=TEBI * 1024.0),
                plausible: PART,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_memory_free_bytes").in_fleet()),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_FB_FREE", D::Mebibytes, "Free memory").instance(Own)
                    .renamed("DCGM_FI_DEV_FB_FREE_BYTES", D::Bytes)],
                label: "Free",
                group: Some(Group::Memory),
            }
            MemoryReserved = reserved_bytes: u64, "reserved_bytes" {
                unit: Unit::Bytes,
                description: "Memory reserved by driver and firmware.",
                nvml: "`nvmlDeviceGetMemoryInfo_v2`",
                range: Some(0.0..=TEBI * 1024.0),
                plausible: PART,
                absent: "`not_supported` before driver 510",
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_memory_reserved_bytes")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_FB_RESERVED", D::Mebibytes, "Reserved memory").instance(Own)
                    .renamed("DCGM_FI_DEV_FB_RESERVED_BYTES", D::Bytes)],
                label: "Reserved",
                group: Some(Group::Memory),
            }
            MemoryUnified = unified: bool, "unified" {
                unit: Unit::Flag,
                description: "1 (true) if the memory is the host's, shared with the GPU.",
                nvml: "`nvmlDeviceGetMemoryInfo_v2` without a total, `/proc/meminfo`",
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_memory_unified")),
                label: "Shared with the host",
                group: Some(Group::Memory),
            }
            Bar1Total = bar1_total_bytes: u64, "bar1_total_bytes" {
                unit: Unit::Bytes,
                description: "Size of BAR1, the window through which the host accesses the GPU's memory.",
                nvml: "`nvmlDeviceGetBAR1MemoryInfo`",
                range: Some(1.0..=TEBI * 1024.0),
                plausible: "A window of 0 bytes does not exist.",
                absent: "`not_supported` on unified memory",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_bar1_total_bytes")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_BAR1_TOTAL", D::Mebibytes, "The window through which the host writes")
                    .renamed("DCGM_FI_DEV_BAR1_CAPACITY_BYTES", D::Bytes)],
                label: "BAR1 total",
                group: Some(Group::Memory),
            }
            Bar1Used = bar1_used_bytes: u64, "bar1_used_bytes" {
                unit: Unit::Bytes,
                description: "Mapped part of BAR1.",
                nvml: "`nvmlDeviceGetBAR1MemoryInfo`",
                range: Some(0.0..=TEBI * 1024.0),
                plausible: PART,
                absent: "`not_supported` on unified memory",
                every: Every::TenTicks,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_bar1_used_bytes")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_BAR1_USED", D::Mebibytes, "How much of that window is mapped")
                    .renamed("DCGM_FI_DEV_BAR1_USED_BYTES", D::Bytes)],
                label: "BAR1 used",
                group: Some(Group::Memory),
            }
        }

        /// Temperatures and thresholds.
        section temperature: Temperature, "temperature." {
            TemperatureGpu = gpu_celsius: i32, "gpu_celsius" {
                unit: Unit::Celsius,
                description: "Temperature of the GPU.",
                nvml: "`nvmlDeviceGetTemperatureV`, else `nvmlDeviceGetTemperature`",
                range: Some(-40.0..=199.0),
                plausible: "No chip works below −40 °C or from 200 °C on; −256 and 255 are fillers.",
                absent: "`not_supported` on vGPUs",
                metric: Some(Metric::gauge("nvsmi_gpu_temperature_celsius").in_fleet()),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_GPU_TEMP", D::Celsius, "Temperature of the chip")
                    .renamed("DCGM_FI_DEV_GPU_TEMP_CELSIUS", D::Celsius)],
                history: true,
                label: "GPU temperature",
                group: Some(Group::Power),
            }
            TemperatureMemory = memory_celsius: i32, "memory_celsius" {
                unit: Unit::Celsius,
                description: "Temperature of the memory.",
                nvml: "`nvmlDeviceGetFieldValues`, field 82",
                range: Some(-40.0..=199.0),
                plausible: "No chip works below −40 °C or from 200 °C on; −256 and 255 are fillers.",
                field_id: Some(82),
                absent: "`not_supported` on boards without HBM",
                metric: Some(Metric::gauge("nvsmi_gpu_memory_temperature_celsius")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_MEMORY_TEMP", D::Celsius, "Temperature of the memory")
                    .renamed("DCGM_FI_DEV_MEMORY_TEMP_CELSIUS", D::Celsius)],
                history: true,
                label: "Memory temperature",
                group: Some(Group::Power),
            }
            TemperatureSlowdown = slowdown_celsius: u32, "slowdown_celsius" {
                unit: Unit::Celsius,
                description: "Slowdown threshold of the GPU.",
                nvml: "`nvmlDeviceGetTemperatureThreshold`, slowdown",
                range: Some(20.0..=126.0),
                plausible: "A threshold of 0 means nothing, and 127 is a filler; real ones are from 80 to 110 °C.",
                absent: "`not_supported` on some boards",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_slowdown_temperature_celsius")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_SLOWDOWN_TEMP", D::Celsius, "Where the chip slows down")
                    .renamed("DCGM_FI_DEV_GPU_TEMP_SLOWDOWN_CELSIUS", D::Celsius)],
                label: "Slowdown temperature",
                group: Some(Group::Power),
            }
            TemperatureShutdown = shutdown_celsius: u32, "shutdown_celsius" {
                unit: Unit::Celsius,
                description: "Shutdown threshold of the GPU.",
                nvml: "`nvmlDeviceGetTemperatureThreshold`, shutdown",
                range: Some(20.0..=126.0),
                plausible: "A threshold of 0 means nothing, and 127 is a filler; real ones are from 80 to 110 °C.",
                absent: "`not_supported` on some boards",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_shutdown_temperature_celsius")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_SHUTDOWN_TEMP", D::Celsius, "Where the chip shuts down")
                    .renamed("DCGM_FI_DEV_GPU_TEMP_SHUTDOWN_CELSIUS", D::Celsius)],
                label: "Shutdown temperature",
                group: Some(Group::Power),
            }
            TemperatureMargin = margin_celsius: i32, "margin_celsius" {
                unit: Unit::Celsius,
                description: "Temperature margin to the slowdown threshold; negative above it. Newer GPUs report it in place of `slowdown_celsius`.",
                nvml: "`nvmlDeviceGetMarginTemperature`",
                range: Some(-150.0..=199.0),
                plausible: "The difference of two temperatures.",
                absent: "`not_supported` before Ada and Hopper",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_temperature_margin_celsius")),
                label: "Margin to slowdown",
                group: Some(Group::Power),
            }
        }

        /// Power draw and limits.
        section power: PowerReadings, "power." {
            PowerDraw = draw_mw: u32, "draw_watts" {
                unit: Unit::Milliwatts,
                description: "Power draw of the board; a mean over 1 s on Ampere and newer.",
                nvml: "`nvmlDeviceGetPowerUsage`",
                range: Some(0.0..=MAX_MW),
                plausible: "10 kW is seven times the largest board of 2026; and no more than three times the enforced limit, which no board exceeds by as much.",
                absent: "`not_supported` on boards without the sensor",
                metric: Some(Metric::gauge("nvsmi_gpu_power_watts").in_fleet()),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_POWER_USAGE", D::Watts, "Power draw")
                    .renamed("DCGM_FI_DEV_BOARD_POWER_WATTS", D::Watts)],
                history: true,
                label: "Draw",
                group: Some(Group::Power),
            }
            PowerLimit = limit_mw: u32, "limit_watts" {
                unit: Unit::Milliwatts,
                description: "Power limit that was set.",
                nvml: "`nvmlDeviceGetPowerManagementLimit`",
                range: Some(1000.0..=MAX_MW),
                plausible: "A limit below 1 W means nothing, and 10 kW is seven times the largest board of 2026.",
                absent: "`not_supported` where none can be set",
                metric: Some(Metric::gauge("nvsmi_gpu_power_limit_watts")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_POWER_MGMT_LIMIT", D::Watts, "The power limit that was set")
                    .renamed("DCGM_FI_DEV_BOARD_POWER_LIMIT_REQUESTED_WATTS", D::Watts)],
                label: "Configured limit",
                group: Some(Group::Power),
            }
            PowerEnforcedLimit = enforced_limit_mw: u32, "enforced_limit_watts" {
                unit: Unit::Milliwatts,
                description: "Enforced power limit: the lowest of all limits.",
                nvml: "`nvmlDeviceGetEnforcedPowerLimit`",
                range: Some(1000.0..=MAX_MW),
                plausible: "A limit below 1 W means nothing, and 10 kW is seven times the largest board of 2026.",
                absent: "`not_supported` where none can be set",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_enforced_power_limit_watts")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_ENFORCED_POWER_LIMIT", D::Watts, "The power limit in force")
                    .renamed("DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS", D::Watts)],
                label: "Enforced limit",
                group: Some(Group::Power),
            }
            PowerDefaultLimit = default_limit_mw: u32, "default_limit_watts" {
                unit: Unit::Milliwatts,
                description: "Default power limit, in force after a reset.",
                nvml: "`nvmlDeviceGetPowerManagementDefaultLimit`",
                range: Some(1000.0..=MAX_MW),
                plausible: "A limit below 1 W means nothing, and 10 kW is seven times the largest board of 2026.",
                absent: "`not_supported` where none can be set",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_default_power_limit_watts")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF", D::Watts, "The power limit after a reset")
                    .renamed("DCGM_FI_DEV_BOARD_POWER_LIMIT_DEFAULT_WATTS", D::Watts)],
                label: "Default limit",
                group: Some(Group::Power),
            }
            PowerEnergy = energy_mj: u64, "energy_joules" {
                unit: Unit::Millijoules,
                description: "Energy consumed since the driver was loaded.",
                nvml: "`nvmlDeviceGetTotalEnergyConsumption`",
                range: Some(0.0..=9.0e15),
                plausible: "At 1 kW it takes 285 years; and no rise by more than 10 kW gives.",
                max_per_second: Some(MAX_MW),
                field_id: Some(83),
                absent: "`not_supported` before Volta",
                dcgm: &[Dcgm::counter(Standard, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", D::Millijoules, "Energy drawn since the driver was loaded")
                    .renamed("DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL", D::Joules)],
                label: "Energy since driver load",
                group: Some(Group::Power),
            }
        }

        /// Clocks, and the reasons that hold them down.
        section clocks: Clocks, "clocks." {
            ClockGraphics = graphics_mhz: u32, "graphics_mhz" {
                unit: Unit::Megahertz,
                description: "Current graphics clock.",
                nvml: "`nvmlDeviceGetClockInfo`, graphics",
                range: Some(0.0..=MAX_MHZ),
                plausible: "No core runs at 10 GHz.",
                absent: "`not_supported` on some vGPUs",
                metric: Some(Metric::gauge("nvsmi_gpu_graphics_clock_hertz")),
                history: true,
                label: "Graphics",
                group: Some(Group::Clocks),
            }
            ClockSm = sm_mhz: u32, "sm_mhz" {
                unit: Unit::Megahertz,
                description: "Current SM clock.",
                nvml: "`nvmlDeviceGetClockInfo`, SM",
                range: Some(0.0..=MAX_MHZ),
                plausible: "No core runs at 10 GHz.",
                absent: "`not_supported` on some vGPUs",
                metric: Some(Metric::gauge("nvsmi_gpu_sm_clock_hertz")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_SM_CLOCK", D::Megahertz, "SM clock")
                    .renamed("DCGM_FI_DEV_SM_CLOCK_HERTZ", D::Hertz)],
                history: true,
                label: "SM",
                group: Some(Group::Clocks),
            }
            ClockMemory = memory_mhz: u32, "memory_mhz" {
                unit: Unit::Megahertz,
                description: "Current memory clock.",
                nvml: "`nvmlDeviceGetClockInfo`, memory",
                range: Some(0.0..=MAX_MEMORY_MHZ),
                plausible: "GDDR7 is reported as up to 18 GHz.",
                absent: "`not_supported` on unified memory",
                metric: Some(Metric::gauge("nvsmi_gpu_memory_clock_hertz")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_MEM_CLOCK", D::Megahertz, "Memory clock")
                    .renamed("DCGM_FI_DEV_MEMORY_CLOCK_HERTZ", D::Hertz)],
                history: true,
                label: "Memory",
                group: Some(Group::Clocks),
            }
            ClockVideo = video_mhz: u32, "video_mhz" {
                unit: Unit::Megahertz,
                description: "Current video clock.",
                nvml: "`nvmlDeviceGetClockInfo`, video",
                range: Some(0.0..=MAX_MHZ),
                plausible: "No core runs at 10 GHz.",
                absent: "`not_supported` on some vGPUs",
                metric: Some(Metric::gauge("nvsmi_gpu_video_clock_hertz")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_VIDEO_CLOCK", D::Megahertz, "Video clock")
                    .renamed("DCGM_FI_DEV_VIDEO_CLOCK_HERTZ", D::Hertz)],
                label: "Video",
                group: Some(Group::Clocks),
            }
            ClockMaxGraphics = max_graphics_mhz: u32, "max_graphics_mhz" {
                unit: Unit::Megahertz,
                description: "Maximum graphics clock.",
                nvml: "`nvmlDeviceGetMaxClockInfo`, graphics",
                range: Some(1.0..=MAX_MHZ),
                plausible: "A highest clock of 0 means nothing, and no core runs at 10 GHz.",
                absent: "`not_supported` on some vGPUs",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_max_graphics_clock_hertz")),
                label: "Graphics, max",
                group: Some(Group::Clocks),
            }
            ClockMaxSm = max_sm_mhz: u32, "max_sm_mhz" {
                unit: Unit::Megahertz,
                description: "Maximum SM clock.",
                nvml: "`nvmlDeviceGetMaxClockInfo`, SM",
                range: Some(1.0..=MAX_MHZ),
                plausible: "A highest clock of 0 means nothing, and no core runs at 10 GHz.",
                absent: "`not_supported` on some vGPUs",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_max_sm_clock_hertz")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_MAX_SM_CLOCK", D::Megahertz, "The highest SM clock")
                    .renamed("DCGM_FI_DEV_SM_MAX_CLOCK_HERTZ", D::Hertz)],
                label: "SM, max",
                group: Some(Group::Clocks),
            }
            ClockMaxMemory = max_memory_mhz: u32, "max_memory_mhz" {
                unit: Unit::Megahertz,
                description: "Maximum memory clock.",
                nvml: "`nvmlDeviceGetMaxClockInfo`, memory",
                range: Some(1.0..=MAX_MEMORY_MHZ),
                plausible: "A highest clock of 0 means nothing, and GDDR7 is reported as up to 18 GHz.",
                absent: "`not_supported` on unified memory",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_max_memory_clock_hertz")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_MAX_MEM_CLOCK", D::Megahertz, "The highest memory clock")
                    .renamed("DCGM_FI_DEV_MEMORY_MAX_CLOCK_HERTZ", D::Hertz)],
                label: "Memory, max",
                group: Some(Group::Clocks),
            }
            ClockEventReasons = event_reasons: u64, "event_reasons" {
                unit: Unit::Bits(words::EVENT_REASONS),
                description: "Reasons that hold the clocks down: `gpu_idle`, `applications_clocks_setting`, `sw_power_cap`, `hw_slowdown`, `sync_boost`, `sw_thermal_slowdown`, `hw_thermal_slowdown`, `hw_power_brake_slowdown`, `display_clock_setting`, `board_limit`, `reliability`, or `bit_N` for a bit that has no name here.",
                nvml: "`nvmlDeviceGetCurrentClocksEventReasons`, else `nvmlDeviceGetCurrentClocksThrottleReasons`",
                plausible: "All ones are a filler.",
                absent: "`not_supported` on some vGPUs; then the list is empty",
                metric: Some(Metric::state("nvsmi_gpu_clocks_event_reason", "reason", "Clocks event reasons: 1 for each reason that holds the clocks down now, 0 for the others.")),
                dcgm: &[
                    Dcgm::gauge(Asked, "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", D::Bits, "What holds the clocks down"),
                    Dcgm::gauge(Asked, "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", D::Bits, "What holds the clocks down"),
                ],
            }
            ClockPowerThrottled = power_throttled_ns: u64, "power_throttled_seconds" {
                unit: Unit::Nanoseconds,
                description: "Time for which the power limit has held the clocks down, since the driver was loaded.",
                nvml: "`nvmlDeviceGetFieldValues`, field 74",
                range: Some(0.0..=9.0e18),
                plausible: "285 years; and no rise by more than twice the time that passed.",
                max_per_second: Some(2.0e9),
                field_id: Some(74),
                absent: "`not_supported` on some boards",
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_throttled_seconds_total").labels(&[("reason", "power")], THROTTLED_HELP)),
                dcgm: &[Dcgm::counter(More, "DCGM_FI_DEV_POWER_VIOLATION", D::Nanoseconds, "For how long the power limit has held the clocks down")
                    .renamed("DCGM_FI_DEV_GPU_POWER_THROTTLE_SECONDS_TOTAL", D::Seconds)],
                label: "Throttled by power",
                group: Some(Group::Clocks),
            }
            ClockThermalThrottled = thermal_throttled_ns: u64, "thermal_throttled_seconds" {
                unit: Unit::Nanoseconds,
                description: "Time for which heat has held the clocks down, since the driver was loaded.",
                nvml: "`nvmlDeviceGetFieldValues`, field 75",
                range: Some(0.0..=9.0e18),
                plausible: "285 years; and no rise by more than twice the time that passed.",
                max_per_second: Some(2.0e9),
                field_id: Some(75),
                absent: "`not_supported` on some boards",
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_throttled_seconds_total").labels(&[("reason", "thermal")], THROTTLED_HELP)),
                dcgm: &[Dcgm::counter(More, "DCGM_FI_DEV_THERMAL_VIOLATION", D::Nanoseconds, "For how long heat has held the clocks down")
                    .renamed("DCGM_FI_DEV_GPU_THERMAL_THROTTLE_SECONDS_TOTAL", D::Seconds)],
                label: "Throttled by temperature",
                group: Some(Group::Clocks),
            }
        }

        /// State of the device as a whole.
        section state: State, "" {
            PerformanceState = performance_state: u32, "performance_state" {
                description: "Performance state: 0 is the fastest, 15 the slowest.",
                nvml: "`nvmlDeviceGetPerformanceState`",
                range: Some(0.0..=15.0),
                plausible: "P0 to P15.",
                absent: "`not_supported` on some vGPUs",
                metric: Some(Metric::gauge("nvsmi_gpu_performance_state")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_PSTATE", D::None, "The performance state: 0 is the fastest")
                    .renamed("DCGM_FI_DEV_GPU_PSTATE", D::None)],
                label: "Performance state",
                group: Some(Group::Clocks),
            }
            RecoveryAction = recovery_action: u32, "recovery_action" {
                unit: Unit::Word(words::RECOVERY_ACTIONS),
                description: "Recovery action that the driver requests: `none`, `gpu_reset`, `node_reboot`, `drain_p2p`, `drain_and_reset`, `recover_imex_domain`, `bus_reset`, `system_reboot`, or `unknown_N`.",
                nvml: "`nvmlDeviceGetFieldValues`, field 230",
                range: Some(0.0..=1000.0),
                plausible: SMALL,
                field_id: Some(230),
                absent: "`not_supported` before driver 570",
                every: Every::TenTicks,
                metric: Some(Metric::state("nvsmi_gpu_recovery_action", "action", "Recovery action that the driver requests, as a label; always 1.")),
                label: "Recovery action",
                group: Some(Group::Errors),
            }
        }

        /// Fans.
        section fans: Fans, "fans." {
            FanSpeed = speed_percent: u32, "speed_percent" {
                unit: Unit::Percent,
                description: "Intended speed of the first fan; may exceed 100.",
                nvml: "`nvmlDeviceGetFanSpeed`",
                range: Some(0.0..=250.0),
                plausible: "Fans of up to 150 % have been seen, and 255 is a filler.",
                absent: "`not_supported` on boards cooled by the chassis",
                in_api: false,
                dcgm: &[Dcgm::gauge(More, "DCGM_FI_DEV_FAN_SPEED", D::Percent, "The fan's intended speed")
                    .renamed("DCGM_FI_DEV_FAN_SPEED_RATIO", D::Ratio)],
                history: true,
            }
            FanSpeeds = speeds_percent: Vec<u32>, "speeds_percent" {
                unit: Unit::Percent,
                description: "Intended speed of each fan; may exceed 100.",
                nvml: "`nvmlDeviceGetFanSpeed_v2` of each fan that `nvmlDeviceGetNumFans` counts",
                range: Some(0.0..=250.0),
                plausible: "Fans of up to 150 % have been seen, and 255 is a filler.",
                absent: "`not_supported` on boards cooled by the chassis",
                every: Every::TenTicks,
                in_api: false,
            }
        }

        /// PCIe link.
        section pcie: Pcie, "pcie." {
            PcieGeneration = generation: u32, "generation" {
                description: "Current PCIe generation; it falls while the GPU is idle.",
                nvml: "`nvmlDeviceGetCurrPcieLinkGeneration`",
                range: Some(1.0..=16.0),
                plausible: "A link of generation 0 does not exist.",
                absent: NO_PCIE,
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_pcie_generation")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_PCIE_LINK_GEN", D::None, "The PCIe link's generation")],
                label: "PCIe generation",
                group: Some(Group::Links),
            }
            PcieWidth = width: u32, "width" {
                description: "Current number of PCIe lanes.",
                nvml: "`nvmlDeviceGetCurrPcieLinkWidth`",
                range: Some(1.0..=64.0),
                plausible: "A link of width 0 does not exist.",
                absent: NO_PCIE,
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_pcie_width")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_PCIE_LINK_WIDTH", D::None, "The PCIe link's lanes")],
                label: "PCIe width",
                group: Some(Group::Links),
            }
            PcieMaxGeneration = max_generation: u32, "max_generation" {
                description: "Highest PCIe generation of both GPU and slot.",
                nvml: "`nvmlDeviceGetMaxPcieLinkGeneration`",
                range: Some(1.0..=16.0),
                plausible: "A link of generation 0 does not exist.",
                absent: NO_PCIE,
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_pcie_max_generation")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_PCIE_MAX_LINK_GEN", D::None, "The highest generation of the PCIe link")],
                label: "PCIe generation, max",
                group: Some(Group::Links),
            }
            PcieMaxWidth = max_width: u32, "max_width" {
                description: "Highest number of PCIe lanes of both GPU and slot.",
                nvml: "`nvmlDeviceGetMaxPcieLinkWidth`",
                range: Some(1.0..=64.0),
                plausible: "A link of width 0 does not exist.",
                absent: NO_PCIE,
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_pcie_max_width")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", D::None, "The most lanes of the PCIe link")],
                label: "PCIe width, max",
                group: Some(Group::Links),
            }
            PcieTx = tx_bytes_per_second: u64, "tx_bytes_per_second" {
                unit: Unit::BytesPerSecond,
                description: "Data sent by the GPU over PCIe.",
                nvml: "`nvmlGpmMetricsGet`, metric 20, else field 197",
                range: Some(0.0..=1.0e12),
                plausible: "Four times generation 7 with 16 lanes.",
                absent: "`not_supported` where neither is there, and where field 197 counts with 32 bits and the link is fast enough to go around them unseen; `timeout` before the second reading",
                every: Every::Window,
                metric: Some(Metric::gauge("nvsmi_gpu_pcie_transmit_bytes_per_second")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_PROF_PCIE_TX_BYTES", D::BytesPerSecond, "What is sent over PCIe").instance(Instance::Absent)],
                history: true,
                label: "PCIe sent",
                group: Some(Group::Links),
            }
            PcieRx = rx_bytes_per_second: u64, "rx_bytes_per_second" {
                unit: Unit::BytesPerSecond,
                description: "Data received by the GPU over PCIe.",
                nvml: "`nvmlGpmMetricsGet`, metric 21, else field 198",
                range: Some(0.0..=1.0e12),
                plausible: "Four times generation 7 with 16 lanes.",
                absent: "as `tx_bytes_per_second`",
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_pcie_receive_bytes_per_second")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_PROF_PCIE_RX_BYTES", D::BytesPerSecond, "What is received over PCIe").instance(Instance::Absent)],
                history: true,
                label: "PCIe received",
                group: Some(Group::Links),
            }
            PcieReplays = replays: u32, "replays" {
                description: "PCIe packets that were sent again.",
                nvml: "`nvmlDeviceGetPcieReplayCounter`",
                range: Some(0.0..=MAX_COUNT),
                plausible: RISES,
                max_per_second: Some(MAX_ERRORS_PER_SECOND),
                field_id: Some(94),
                absent: "`not_supported` where it is not counted",
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_pcie_replays_total")),
                dcgm: &[Dcgm::counter(Standard, "DCGM_FI_DEV_PCIE_REPLAY_COUNTER", D::None, "Packets that had to be sent again over PCIe")
                    .renamed("DCGM_FI_DEV_PCIE_REPLAY_TOTAL", D::None)],
                label: "PCIe replays",
                group: Some(Group::Links),
            }
        }

        /// NVLink, all links together.
        section nvlink: Nvlink, "nvlink." {
            NvlinkActive = links_active: u32, "links_active" {
                description: "NVLink links that are up.",
                nvml: "`nvmlDeviceGetNvLinkState`",
                range: Some(0.0..=64.0),
                plausible: "No GPU has more than 36.",
                absent: "`not_supported` without NVLink",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_nvlink_links_active")),
                label: "NVLinks active",
                group: Some(Group::Links),
            }
            NvlinkTotal = links_total: u32, "links_total" {
                description: "NVLink links of the GPU.",
                nvml: "`nvmlDeviceGetNvLinkState`",
                range: Some(0.0..=64.0),
                plausible: "No GPU has more than 36.",
                absent: "`not_supported` without NVLink",
                every: Every::TenTicks,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_nvlink_links")),
                label: "NVLinks, total",
                group: Some(Group::Links),
            }
            NvlinkTx = tx_bytes_per_second: u64, "tx_bytes_per_second" {
                unit: Unit::BytesPerSecond,
                description: "Data sent by the GPU over NVLink, all links together.",
                nvml: "`nvmlGpmMetricsGet`, metric 61, else field 138",
                range: Some(0.0..=1.0e13),
                plausible: "Five times the NVLink of 2026.",
                absent: "`not_supported` without NVLink, `timeout` before the second reading",
                every: Every::Window,
                metric: Some(Metric::gauge("nvsmi_gpu_nvlink_transmit_bytes_per_second")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_PROF_NVLINK_TX_BYTES", D::BytesPerSecond, "What is sent over NVLink").instance(Instance::Absent)],
                history: true,
                label: "NVLink sent",
                group: Some(Group::Links),
            }
            NvlinkRx = rx_bytes_per_second: u64, "rx_bytes_per_second" {
                unit: Unit::BytesPerSecond,
                description: "Data received by the GPU over NVLink, all links together.",
                nvml: "`nvmlGpmMetricsGet`, metric 60, else field 139",
                range: Some(0.0..=1.0e13),
                plausible: "Five times the NVLink of 2026.",
                absent: "as `tx_bytes_per_second`",
                every: Every::Window,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_nvlink_receive_bytes_per_second")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_PROF_NVLINK_RX_BYTES", D::BytesPerSecond, "What is received over NVLink").instance(Instance::Absent)],
                history: true,
                label: "NVLink received",
                group: Some(Group::Links),
            }
            NvlinkErrors = errors: u64, "errors" {
                description: "NVLink errors of every kind, all links together.",
                nvml: "fields 161 to 163 of each link with fields 45 and 160 of all, else `nvmlDeviceGetNvLinkErrorCounter`, else fields 206, 207, 208, 211, 212 and 215 of all",
                range: Some(0.0..=9.0e18),
                plausible: RISES,
                max_per_second: Some(1.0e12),
                absent: "`not_supported` where they are not counted",
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_nvlink_errors_total")),
                label: "NVLink errors",
                group: Some(Group::Links),
            }
        }

        /// Memory errors, found by its check bits.
        section ecc: Ecc, "ecc." {
            EccEnabled = enabled: bool, "enabled" {
                unit: Unit::Flag,
                description: "1 (true) if memory errors are detected and corrected.",
                nvml: "`nvmlDeviceGetEccMode`, the current one",
                plausible: "Flags are 0 or 1.",
                absent: "`not_supported` on boards without ECC",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_ecc_enabled")),
                label: "ECC mode",
                group: Some(Group::Errors),
            }
            EccVolatileCorrected = volatile_corrected: u64, "volatile_corrected" {
                description: "Corrected memory errors since the driver was loaded.",
                nvml: "`nvmlDeviceGetTotalEccErrors`, corrected, volatile",
                range: Some(0.0..=MAX_COUNT),
                plausible: RISES,
                max_per_second: Some(MAX_ERRORS_PER_SECOND),
                field_id: Some(3),
                absent: NO_ECC,
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_ecc_errors_total").labels(&[("type", "corrected"), ("count", "volatile")], ECC_HELP)),
                dcgm: &[Dcgm::counter(More, "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", D::None, "Corrected memory errors since the driver was loaded")],
                label: "Corrected, since driver load",
                group: Some(Group::Errors),
            }
            EccVolatileUncorrected = volatile_uncorrected: u64, "volatile_uncorrected" {
                description: "Uncorrected memory errors since the driver was loaded.",
                nvml: "`nvmlDeviceGetTotalEccErrors`, uncorrected, volatile",
                range: Some(0.0..=MAX_COUNT),
                plausible: RISES,
                max_per_second: Some(MAX_ERRORS_PER_SECOND),
                field_id: Some(4),
                absent: NO_ECC,
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_ecc_errors_total").labels(&[("type", "uncorrected"), ("count", "volatile")], ECC_HELP)),
                dcgm: &[Dcgm::counter(More, "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", D::None, "Uncorrected memory errors since the driver was loaded")],
                label: "Uncorrected, since driver load",
                group: Some(Group::Errors),
            }
            EccAggregateCorrected = aggregate_corrected: u64, "aggregate_corrected" {
                description: "Corrected memory errors over the GPU's life.",
                nvml: "`nvmlDeviceGetTotalEccErrors`, corrected, aggregate",
                range: Some(0.0..=MAX_COUNT),
                plausible: RISES,
                max_per_second: Some(MAX_ERRORS_PER_SECOND),
                field_id: Some(5),
                absent: NO_ECC,
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_ecc_errors_total").labels(&[("type", "corrected"), ("count", "aggregate")], ECC_HELP)),
                dcgm: &[Dcgm::counter(More, "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", D::None, "Corrected memory errors over the GPU's life")],
                label: "Corrected, lifetime",
                group: Some(Group::Errors),
            }
            EccAggregateUncorrected = aggregate_uncorrected: u64, "aggregate_uncorrected" {
                description: "Uncorrected memory errors over the GPU's life.",
                nvml: "`nvmlDeviceGetTotalEccErrors`, uncorrected, aggregate",
                range: Some(0.0..=MAX_COUNT),
                plausible: RISES,
                max_per_second: Some(MAX_ERRORS_PER_SECOND),
                field_id: Some(6),
                absent: NO_ECC,
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_ecc_errors_total").labels(&[("type", "uncorrected"), ("count", "aggregate")], ECC_HELP)),
                dcgm: &[Dcgm::counter(More, "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", D::None, "Uncorrected memory errors over the GPU's life")],
                label: "Uncorrected, lifetime",
                group: Some(Group::Errors),
            }
        }

        /// Memory rows that were replaced by spare ones.
        section remapped_rows: RemappedRows, "remapped_rows." {
            RowsCorrectable = correctable: u32, "correctable" {
                description: "Rows remapped for correctable errors.",
                nvml: "`nvmlDeviceGetRemappedRows`",
                range: Some(0.0..=1.0e6),
                plausible: "A GPU has some hundreds of spare rows.",
                max_per_second: Some(1.0e4),
                field_id: Some(142),
                absent: "`not_supported` before Ampere",
                every: Every::TenTicks,
                metric: Some(Metric::counter("nvsmi_gpu_remapped_rows_total").labels(&[("type", "correctable")], ROWS_HELP)),
                dcgm: &[Dcgm::counter(Standard, "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", D::None, "Rows replaced for errors that could be corrected")
                    .renamed("DCGM_FI_DEV_ROW_REMAP_CORRECTABLE_TOTAL", D::None)],
                label: "Rows remapped, correctable",
                group: Some(Group::Errors),
            }
            RowsUncorrectable = uncorrectable: u32, "uncorrectable" {
                description: "Rows remapped for uncorrectable errors.",
                nvml: "`nvmlDeviceGetRemappedRows`",
                range: Some(0.0..=1.0e6),
                plausible: "A GPU has some hundreds of spare rows.",
                max_per_second: Some(1.0e4),
                field_id: Some(143),
                absent: "`not_supported` before Ampere",
                every: Every::TenTicks,
                comes_with_another: true,
                metric: Some(Metric::counter("nvsmi_gpu_remapped_rows_total").labels(&[("type", "uncorrectable")], ROWS_HELP)),
                dcgm: &[Dcgm::counter(Standard, "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", D::None, "Rows replaced for errors that could not be corrected")
                    .renamed("DCGM_FI_DEV_ROW_REMAP_UNCORRECTABLE_TOTAL", D::None)],
                label: "Rows remapped, uncorrectable",
                group: Some(Group::Errors),
            }
            RowsPending = pending: bool, "pending" {
                unit: Unit::Flag,
                description: "1 (true) if a row is remapped at the next reset.",
                nvml: "`nvmlDeviceGetRemappedRows`",
                plausible: "Flags are 0 or 1.",
                field_id: Some(144),
                absent: "`not_supported` before Ampere",
                every: Every::TenTicks,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_row_remap_pending")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_ROW_REMAP_PENDING", D::None, "1 if a row waits for a reset to be replaced")],
                label: "Row remap pending",
                group: Some(Group::Errors),
            }
            RowsFailed = failed: bool, "failed" {
                unit: Unit::Flag,
                description: "1 (true) if remapping a row failed.",
                nvml: "`nvmlDeviceGetRemappedRows`",
                plausible: "Flags are 0 or 1.",
                field_id: Some(145),
                absent: "`not_supported` before Ampere",
                every: Every::TenTicks,
                comes_with_another: true,
                metric: Some(Metric::gauge("nvsmi_gpu_row_remap_failed")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_ROW_REMAP_FAILURE", D::None, "1 if a row could not be replaced")
                    .renamed("DCGM_FI_DEV_ROW_REMAP_FAILED", D::None)],
                label: "Row remap failed",
                group: Some(Group::Errors),
            }
        }

        /// Modes of a GPU.
        section modes: Modes, "modes." {
            ModePersistence = persistence: bool, "persistence" {
                unit: Unit::Flag,
                description: "1 (true) if the driver stays loaded without a client.",
                nvml: "`nvmlDeviceGetPersistenceMode`",
                plausible: "Flags are 0 or 1.",
                absent: "`not_supported` under WSL",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_persistence_mode")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_PERSISTENCE_MODE", D::None, "1 if the driver stays loaded without a client")
                    .renamed("DCGM_FI_DEV_GPU_PERSISTENCE_MODE", D::None)],
                label: "Persistence mode",
                group: Some(Group::Identity),
            }
            ModeCompute = compute: u32, "compute" {
                unit: Unit::Word(words::COMPUTE_MODES),
                description: "Compute mode: `default`, `exclusive_thread`, `prohibited`, `exclusive_process`, or `unknown_N`.",
                nvml: "`nvmlDeviceGetComputeMode`",
                range: Some(0.0..=1000.0),
                plausible: SMALL,
                every: Every::TenTicks,
                metric: Some(Metric::state("nvsmi_gpu_compute_mode", "mode", "Compute mode, as a label; always 1.")),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_COMPUTE_MODE", D::None, "Who may compute, by NVML's number")
                    .renamed("DCGM_FI_DEV_GPU_COMPUTE_MODE", D::None)],
                label: "Compute mode",
                group: Some(Group::Identity),
            }
            ModeMig = mig: bool, "mig" {
                unit: Unit::Flag,
                description: "1 (true) if MIG is enabled.",
                nvml: "`nvmlDeviceGetMigMode`, the current one",
                plausible: "Flags are 0 or 1.",
                absent: "`not_supported` where it cannot be",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_mig_mode").in_fleet_while_set()),
                dcgm: &[Dcgm::gauge(Asked, "DCGM_FI_DEV_MIG_MODE", D::None, "1 if it is cut into MIG instances")],
                label: "MIG mode",
                group: Some(Group::Identity),
            }
            ModeDisplayActive = display_active: bool, "display_active" {
                unit: Unit::Flag,
                description: "1 (true) if the GPU drives a display.",
                nvml: "`nvmlDeviceGetDisplayActive`",
                plausible: "Flags are 0 or 1.",
                absent: "`not_supported` on some vGPUs",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_display_active")),
                label: "Display active",
                group: Some(Group::Identity),
            }
            ModeVgpuLicensed = vgpu_licensed: bool, "vgpu_licensed" {
                unit: Unit::Flag,
                description: "1 (true) if a feature of a virtual GPU is licensed.",
                nvml: "`nvmlDeviceGetGridLicensableFeatures_v4`",
                plausible: "Flags are 0 or 1.",
                absent: "`not_supported` where there are no licences",
                every: Every::TenTicks,
                metric: Some(Metric::gauge("nvsmi_gpu_vgpu_licensed")),
                dcgm: &[Dcgm::gauge(Standard, "DCGM_FI_DEV_VGPU_LICENSE_STATUS", D::None, "1 if a feature of a virtual GPU is licensed")],
                label: "vGPU licensed",
                group: Some(Group::Identity),
            }
        }

        /// Registration with the NVSwitch fabric.
        section fabric: Fabric, "fabric." {
            FabricState = state: u32, "state" {
                unit: Unit::Word(words::FABRIC_STATES),
                description: "State of the registration: `not_started`, `in_progress`, `completed`, or `unknown_N`.",
                nvml: "`nvmlDeviceGetGpuFabricInfoV`, else `nvmlDeviceGetGpuFabricInfo`",
                range: Some(0.0..=1000.0),
                plausible: SMALL,
                absent: "`not_supported` without a fabric",
                every: Every::TenTicks,
                metric: Some(Metric::state("nvsmi_gpu_fabric_state", "state", "State of the registration with the NVSwitch fabric, as a label; always 1.")),
                label: "Fabric state",
                group: Some(Group::Links),
            }
            FabricStatus = status: u32, "status" {
                description: "NVML's return code of the registration: 0 for success.",
                nvml: "`nvmlDeviceGetGpuFabricInfoV`, else `nvmlDeviceGetGpuFabricInfo`",
                range: Some(0.0..=MAX_COUNT),
                plausible: "All ones are a filler.",
                absent: "`not_supported` without a fabric, `timeout` until it is completed",
                every: Every::TenTicks,
                comes_with_another: true,
                label: "Fabric status",
                group: Some(Group::Links),
            }
            FabricHealth = health: u32, "health" {
                unit: Unit::Word(words::FABRIC_HEALTH),
                description: "The driver's summary of the fabric's health for this GPU: `healthy`, `unhealthy`, `limited_capacity`, or `unknown_N`.",
                nvml: "`nvmlDeviceGetGpuFabricInfoV`, version 3",
                range: Some(0.0..=1000.0),
                plausible: SMALL,
                absent: "`not_supported` without a fabric, and before driver 580",
                every: Every::TenTicks,
                comes_with_another: true,
                metric: Some(Metric::state("nvsmi_gpu_fabric_health", "health", "The driver's summary of the fabric's health for this GPU, as a label; always 1.")),
                label: "Fabric health",
                group: Some(Group::Links),
            }
            FabricProblems = problems: u64, "problems" {
                unit: Unit::Bits(words::FABRIC_PROBLEMS),
                description: "Problems of the fabric that the driver reports for this GPU: `degraded_bandwidth`, `route_recovery`, `route_unhealthy`, `access_timeout_recovery`, `incorrect_system_guid`, `incorrect_chassis_serial`, `no_partition`, `insufficient_nvlinks`, `incompatible_firmware`, `invalid_location`, `invalid_gpu_state`, `incorrect_configuration`, `partition_not_assigned`, `fabric_manager_disconnected`.",
                nvml: "`nvmlDeviceGetGpuFabricInfoV`, the health mask",
                absent: "`not_supported` without a fabric, and before driver 550",
                every: Every::TenTicks,
                comes_with_another: true,
                metric: Some(Metric::problems("nvsmi_gpu_fabric_problem", "problem", "Problem of the fabric that the driver reports for this GPU, as a label; always 1.")),
                label: "Fabric problems",
                group: Some(Group::Links),
            }
        }
    }
}
