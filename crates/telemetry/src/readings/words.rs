//! Words for NVML's numbers. An unknown number has its number in its word, so that nothing is lost or guessed.

use std::borrow::Cow;

/// Numbers that have a word.
pub type Table = &'static [(u32, &'static str)];

/// Words of bits, from the lowest.
pub type Bits = &'static [&'static str];

/// Bits of `nvmlDeviceGetCurrentClocksEventReasons`.
pub const EVENT_REASONS: Bits = &[
    "gpu_idle",
    "applications_clocks_setting",
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
    "display_clock_setting",
    "board_limit",
    "reliability",
];

/// `nvmlDeviceArchitecture_t`. 11 has two meanings: a part of Tegra until header 12.9, an accelerator since 13.4.
pub const ARCHITECTURES: Table = &[
    (2, "kepler"),
    (3, "maxwell"),
    (4, "pascal"),
    (5, "volta"),
    (6, "turing"),
    (7, "ampere"),
    (8, "ada"),
    (9, "hopper"),
    (10, "blackwell"),
    (12, "dla2"),
    (13, "rubin"),
    (15, "npu3"),
];

/// `nvmlComputeMode_t`.
pub const COMPUTE_MODES: Table =
    &[(0, "default"), (1, "exclusive_thread"), (2, "prohibited"), (3, "exclusive_process")];

/// `nvmlDeviceGpuRecoveryAction_t`.
pub const RECOVERY_ACTIONS: Table = &[
    (0, "none"),
    (1, "gpu_reset"),
    (2, "node_reboot"),
    (3, "drain_p2p"),
    (4, "drain_and_reset"),
    (5, "recover_imex_domain"),
    (6, "bus_reset"),
    (7, "system_reboot"),
];

/// `nvmlGpuFabricState_t` without 0, which is an absence.
pub const FABRIC_STATES: Table = &[(1, "not_started"), (2, "in_progress"), (3, "completed")];

/// `NVML_GPU_FABRIC_HEALTH_SUMMARY_*` without 0, which is an absence.
pub const FABRIC_HEALTH: Table = &[(1, "healthy"), (2, "unhealthy"), (3, "limited_capacity")];

/// Problems that the fields of `NVML_GPU_FABRIC_HEALTH_MASK_*` report, one bit each. The bits are ours: the mask has
/// fields of two and four bits.
pub const FABRIC_PROBLEMS: Bits = &[
    "degraded_bandwidth",
    "route_recovery",
    "route_unhealthy",
    "access_timeout_recovery",
    "incorrect_system_guid",
    "incorrect_chassis_serial",
    "no_partition",
    "insufficient_nvlinks",
    "incompatible_firmware",
    "invalid_location",
    "invalid_gpu_state",
    "incorrect_configuration",
    "partition_not_assigned",
    "fabric_manager_disconnected",
];

/// The word for a number, or `unknown_N`.
#[must_use]
pub fn word(number: u32, known: Table) -> Cow<'static, str> {
    let known = known.iter().find(|(one, _)| *one == number);
    known.map_or_else(|| format!("unknown_{number}").into(), |(_, word)| (*word).into())
}

/// The words of the bits that are set; `bit_N` for a bit without a word.
pub fn set_bits(bits: u64, names: Bits) -> impl Iterator<Item = Cow<'static, str>> {
    let set = (0..u64::BITS as usize).filter(move |bit| bits >> bit & 1 == 1);
    set.map(|bit| names.get(bit).map_or_else(|| format!("bit_{bit}").into(), |word| (*word).into()))
}

/// Every bit that has a word with its state, then each bit without a word that is set.
pub fn all_bits(bits: u64, names: Bits) -> impl Iterator<Item = (Cow<'static, str>, bool)> {
    let known = names.iter().enumerate().map(move |(bit, word)| (Cow::from(*word), bits >> bit & 1 == 1));
    let others = bits >> names.len() << names.len();
    known.chain(set_bits(others, names).map(|word| (word, true)))
}

/// `nvmlSystemGetCudaDriverVersion_v2`, 1000 × major + 10 × minor, as `13.0`.
#[must_use]
pub fn cuda_version(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_words() {
        let set = |bits| set_bits(bits, EVENT_REASONS).collect::<Vec<_>>();
        assert!(set(0).is_empty());
        assert_eq!(set(0b1_0000_0101), ["gpu_idle", "sw_power_cap", "display_clock_setting"]);
        assert_eq!(set(1 << 63 | 1 << 9 | 1 << 7), ["hw_power_brake_slowdown", "board_limit", "bit_63"]);
        let all: Vec<_> = all_bits(1 << 63 | 1 << 7, EVENT_REASONS).collect();
        let held: Vec<_> = all.iter().filter(|(_, set)| *set).map(|(word, _)| word.as_ref()).collect();
        assert_eq!((all.len(), held), (12, vec!["hw_power_brake_slowdown", "bit_63"]));
    }

    #[test]
    fn unknown_numbers_keep_their_number() {
        for (number, table, expected) in [
            (2, ARCHITECTURES, "kepler"),
            (10, ARCHITECTURES, "blackwell"),
            (11, ARCHITECTURES, "unknown_11"),
            (3, COMPUTE_MODES, "exclusive_process"),
            (4, COMPUTE_MODES, "unknown_4"),
            (2, RECOVERY_ACTIONS, "node_reboot"),
            (9, RECOVERY_ACTIONS, "unknown_9"),
            (3, FABRIC_STATES, "completed"),
            (0, FABRIC_STATES, "unknown_0"),
        ] {
            assert_eq!(word(number, table), expected);
        }
        assert_eq!([cuda_version(13000), cuda_version(12080)], ["13.0", "12.8"]);
    }
}
