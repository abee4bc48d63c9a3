//! PCIe, NVLink and the fabric.

use std::ffi::{c_uint, c_ulonglong};
use std::mem::offset_of;
use std::thread;
use std::time::Duration;

use nvml_wrapper_sys::bindings::{self as sys, nvmlGpuFabricInfo_t, nvmlGpuFabricInfo_v2_t, nvmlGpuFabricInfo_v3_t};

use super::export;
use crate::code::{INVALID_ARGUMENT, NOT_SUPPORTED};
use crate::pointer::{Fields, List, Out};

/// Sampling window of the driver, per direction.
const PCIE_WINDOW: Duration = Duration::from_millis(20);

export! {
    gpu fn nvmlDeviceGetPcieThroughput(call, gpu; counter: c_uint, kib_per_s: Out<c_uint>) {
        let fact = match counter {
            sys::nvmlPcieUtilCounter_enum_NVML_PCIE_UTIL_TX_BYTES => &gpu.pcie_tx_kib_per_s,
            sys::nvmlPcieUtilCounter_enum_NVML_PCIE_UTIL_RX_BYTES => &gpu.pcie_rx_kib_per_s,
            _ => return Err(INVALID_ARGUMENT),
        };
        if fact.is_some() {
            thread::sleep(PCIE_WINDOW);
        }
        call.put_fact(kib_per_s, fact)
    }

    gpu fn nvmlDeviceGetNvLinkState(call, gpu; link: c_uint, is_active: Out<c_uint>) {
        let active = call.fact(&gpu.nvlinks)?;
        let total = call.fact(&gpu.nvlinks_total.or(gpu.nvlinks))?;
        if i64::from(link) >= total {
            return Err(INVALID_ARGUMENT);
        }
        call.put(is_active, c_uint::from(i64::from(link) < active))
    }

    gpu fn nvmlDeviceGetNvLinkErrorCounter(call, gpu; link: c_uint, counter: c_uint, errors: Out<c_ulonglong>) {
        if counter >= sys::nvmlNvLinkErrorCounter_enum_NVML_NVLINK_ERROR_COUNT {
            return Err(INVALID_ARGUMENT);
        }
        let links = call.fact(&gpu.nvlinks_total.or(gpu.nvlinks))?;
        if i64::from(link) >= links {
            return Err(INVALID_ARGUMENT);
        }
        let replays = call.fact(&gpu.nvlink_errors)?;
        match counter {
            sys::nvmlNvLinkErrorCounter_enum_NVML_NVLINK_ERROR_DL_REPLAY if link == 0 => call.put(errors, replays as u64),
            // Scenarios have no links with ECC-protected data.
            sys::nvmlNvLinkErrorCounter_enum_NVML_NVLINK_ERROR_DL_ECC_DATA => Err(NOT_SUPPORTED),
            _ => call.put(errors, 0),
        }
    }

    gpu fn nvmlDeviceGetGpuFabricInfo(call, gpu; info: Fields<nvmlGpuFabricInfo_t>) {
        let state = call.fact(&gpu.fabric_state)? as u8;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_t, clusterUuid)), [0_u8; 16])?;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_t, status)), call.fact(&gpu.fabric_status).unwrap_or(0) as c_uint)?;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_t, cliqueId)), 0_u32)?;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_t, state)), state)
    }

    gpu fn nvmlDeviceGetGpuFabricInfoV(call, gpu; info: Fields<nvmlGpuFabricInfo_v3_t>) {
        let version_3 = info.field::<nvmlGpuFabricInfo_v3_t>(0).expect_version(3).is_ok();
        if !version_3 {
            info.field::<nvmlGpuFabricInfo_v2_t>(0).expect_version(2)?;
        }
        let state = call.fact(&gpu.fabric_state)? as u8;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_v2_t, clusterUuid)), [0_u8; 16])?;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_v2_t, status)), call.fact(&gpu.fabric_status).unwrap_or(0) as c_uint)?;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_v2_t, cliqueId)), 0_u32)?;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_v2_t, state)), state)?;
        call.put(info.field(offset_of!(nvmlGpuFabricInfo_v2_t, healthMask)), call.fact(&gpu.fabric_health_mask).unwrap_or(0) as c_uint)?;
        if version_3 {
            call.put(info.field(offset_of!(nvmlGpuFabricInfo_v3_t, healthSummary)), call.fact(&gpu.fabric_health).unwrap_or(0) as u8)?;
        }
        Ok(())
    }

    gpu fn nvmlDeviceGetTopologyNearestGpus(_call, _gpu; _level: c_uint, _count: Out<c_uint>, _devices: List<u64>) {
        Err(NOT_SUPPORTED)
    }
}
