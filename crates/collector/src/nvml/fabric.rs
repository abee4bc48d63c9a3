//! Registration with the NVSwitch fabric, and the fabric's health for one GPU.

use nvml_wrapper_sys::bindings::{self as sys, nvmlGpuFabricInfo_t, nvmlGpuFabricInfo_v2_t, nvmlGpuFabricInfo_v3_t};
use telemetry::{Absence, Reading, readings::Fabric};

use crate::nvml::{Code, Device, device::version_word, library::ask};

/// `nvmlGpuFabricState_t`: there is no fabric.
const NOT_SUPPORTED: u32 = 0;
/// `nvmlGpuFabricState_t`: only then does the status mean anything.
const COMPLETED: u32 = 3;

/// Fields of the health mask with two answers: shift, answer that is a problem, and its bit in `fabric.problems`.
const FLAGS: [(u32, u32, u32); 6] = [
    (sys::NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_DEGRADED_BW, 1, 0),
    (sys::NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_ROUTE_RECOVERY, 1, 1),
    (sys::NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_ROUTE_UNHEALTHY, 1, 2),
    (sys::NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_ACCESS_TIMEOUT_RECOVERY, 1, 3),
    // `_PARTITION_ASSIGNED` and `_GFM_STATE` of newer headers: 2 is the problem there.
    (12, 2, 12),
    (14, 2, 13),
];
/// Field of the configuration in the health mask: its shift and mask.
const CONFIGURATION: (u32, u32) = (sys::NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_INCORRECT_CONFIGURATION, 0xF);
/// Bits in `fabric.problems` of the first kind of incorrect configuration (2), and of those that the header does not
/// name.
const FIRST_CONFIGURATION: (u32, u32) = (2, 4);
const OTHER_CONFIGURATION: u32 = 11;

/// State, status, health mask and summary, as far as the version of the structure has them.
type Answer = (u32, u32, Option<u32>, Option<u32>);

impl Device<'_> {
    /// Fabric: `nvmlDeviceGetGpuFabricInfoV` with version 3 of its structure, else 2, else
    /// `nvmlDeviceGetGpuFabricInfo`. A GPU without a fabric reports state 0.
    pub(crate) fn fabric(&self) -> Fabric {
        let mut answer = self.fabric_v3();
        if answer.is_err_and(is_refusal) {
            answer = self.fabric_v2();
        }
        if answer.is_err_and(is_refusal) {
            answer = self.fabric_v1();
        }
        match self.reading(answer.map(|_| ())).and(answer.map_err(Code::absence)) {
            Ok(answer) => reading(answer),
            Err(why) => Fabric::absent(why),
        }
    }

    fn fabric_v3(&self) -> Result<Answer, Code> {
        // SAFETY: plain numbers and an array of bytes, for which all zeroes are a value.
        let mut info: nvmlGpuFabricInfo_v3_t = unsafe { std::mem::zeroed() };
        info.version = version_word::<nvmlGpuFabricInfo_v3_t>(3);
        ask!(self, nvmlDeviceGetGpuFabricInfoV(&raw mut info))?;
        Ok((info.state.into(), info.status, Some(info.healthMask), Some(info.healthSummary.into())))
    }

    fn fabric_v2(&self) -> Result<Answer, Code> {
        // SAFETY: as above. The function takes a pointer to its newest structure, of which the older one is a
        // beginning; the version says which it is.
        let mut info: nvmlGpuFabricInfo_v3_t = unsafe { std::mem::zeroed() };
        info.version = version_word::<nvmlGpuFabricInfo_v2_t>(2);
        ask!(self, nvmlDeviceGetGpuFabricInfoV(&raw mut info))?;
        Ok((info.state.into(), info.status, Some(info.healthMask), None))
    }

    pub(super) fn fabric_v1(&self) -> Result<Answer, Code> {
        // SAFETY: as above.
        let mut info: nvmlGpuFabricInfo_t = unsafe { std::mem::zeroed() };
        ask!(self, nvmlDeviceGetGpuFabricInfo(&raw mut info))?;
        Ok((info.state.into(), info.status, None, None))
    }
}

/// True if another version or function may answer instead.
fn is_refusal(code: Code) -> bool {
    code.absence() == Absence::NotSupported || code == Code::INVALID_ARGUMENT
}

fn reading((state, status, mask, summary): Answer) -> Fabric {
    if state == NOT_SUPPORTED {
        return Fabric::absent(Absence::NotSupported);
    }
    Fabric {
        state: Ok(state),
        status: if state < COMPLETED { Err(Absence::Timeout) } else { Ok(status) },
        health: match summary {
            None | Some(sys::NVML_GPU_FABRIC_HEALTH_SUMMARY_NOT_SUPPORTED) => Err(Absence::NotSupported),
            Some(0xFF) => Err(Absence::Error),
            Some(summary) => Ok(summary),
        },
        problems: mask.map_or(Err(Absence::NotSupported), problems),
    }
}

/// The bits of `fabric.problems` in a health mask. A mask without any answer is not supported; all ones are a filler.
fn problems(mask: u32) -> Reading<u64> {
    match mask {
        0 => return Err(Absence::NotSupported),
        u32::MAX => return Err(Absence::Error),
        _ => {}
    }
    let flags = FLAGS.iter().filter(|(shift, problem, _)| mask >> shift & 3 == *problem);
    let flags: u64 = flags.map(|(_, _, bit)| 1 << bit).sum();
    let (first, bit) = FIRST_CONFIGURATION;
    let configuration = match mask >> CONFIGURATION.0 & CONFIGURATION.1 {
        // Not supported, and correct.
        0 | 1 => 0,
        kind => 1 << (bit + kind - first).min(OTHER_CONFIGURATION),
    };
    Ok(flags | configuration)
}

#[cfg(test)]
mod tests {
    use telemetry::readings::words::{FABRIC_PROBLEMS, set_bits};

    use super::*;

    fn words(mask: u32) -> Reading<Vec<String>> {
        problems(mask).map(|bits| set_bits(bits, FABRIC_PROBLEMS).map(Into::into).collect())
    }

    #[test]
    fn fabric_problems_decoded_from_mask() {
        for (mask, expected) in [
            (0b10_10_10_10, vec![]),
            (0b10_10_10_01, vec!["degraded_bandwidth"]),
            (0b10_01_01_10, vec!["route_recovery", "route_unhealthy"]),
            (0x0101, vec!["degraded_bandwidth"]),
            (0x0240, vec!["access_timeout_recovery", "incorrect_system_guid"]),
            (0x0300, vec!["incorrect_chassis_serial"]),
            (0x0400, vec!["no_partition"]),
            (0x0500, vec!["insufficient_nvlinks"]),
            (0x0600, vec!["incompatible_firmware"]),
            (0x0800, vec!["invalid_gpu_state"]),
            (0x0900, vec!["incorrect_configuration"]),
            (0x0F00, vec!["incorrect_configuration"]),
            (0x5000, vec![]),
            (0xA000, vec!["partition_not_assigned", "fabric_manager_disconnected"]),
        ] {
            assert_eq!(words(mask), Ok(expected.into_iter().map(str::to_owned).collect()), "{mask:#x}");
        }
        assert_eq!(words(0), Err(Absence::NotSupported));
        assert_eq!(words(u32::MAX), Err(Absence::Error));
    }

    #[test]
    fn fabric_health_absent_where_structure_lacks_it() {
        let health = |answer| {
            let Fabric { health, problems, .. } = reading(answer);
            (health, problems)
        };
        let no = Absence::NotSupported;
        assert_eq!(health((3, 0, None, None)), (Err(no), Err(no)));
        assert_eq!(health((3, 0, Some(2), None)), (Err(no), Ok(0)));
        assert_eq!(health((3, 0, Some(1), Some(2))), (Ok(2), Ok(1)));
        assert_eq!(health((3, 0, Some(u32::MAX), Some(255))), (Err(Absence::Error), Err(Absence::Error)));
        assert_eq!(reading((0, 0, Some(1), Some(2))), Fabric::absent(no));
        assert_eq!(reading((2, 7, Some(2), Some(1))).status, Err(Absence::Timeout));
    }
}
