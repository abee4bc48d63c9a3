//! NVML's numbers in words. What is not known has its number in its word, so that nothing is lost or guessed.

/// The bits of `nvmlDeviceGetCurrentClocksEventReasons`, from the lowest.
const EVENT_REASONS: [&str; 9] = [
    "gpu_idle",
    "applications_clocks_setting",
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
    "display_clock_setting",
];

/// Why the clocks are not higher.
pub(crate) fn event_reasons(bits: u64) -> Vec<String> {
    let set = (0..u64::BITS as usize).filter(|bit| bits >> bit & 1 == 1);
    set.map(|bit| EVENT_REASONS.get(bit).map_or_else(|| format!("bit_{bit}"), |word| (*word).to_owned())).collect()
}

/// `nvmlDeviceArchitecture_t`.
const ARCHITECTURES: Table = &[
    (2, "kepler"),
    (3, "maxwell"),
    (4, "pascal"),
    (5, "volta"),
    (6, "turing"),
    (7, "ampere"),
    (8, "ada"),
    (9, "hopper"),
    (10, "blackwell"),
];
/// `nvmlComputeMode_t`.
const COMPUTE_MODES: Table = &[(0, "default"), (1, "exclusive_thread"), (2, "prohibited"), (3, "exclusive_process")];
/// `nvmlDeviceGpuRecoveryAction_t`.
const RECOVERY_ACTIONS: Table = &[
    (0, "none"),
    (1, "gpu_reset"),
    (2, "node_reboot"),
    (3, "drain_p2p"),
    (4, "drain_and_reset"),
    (5, "recover_imex_domain"),
    (6, "bus_reset"),
    (7, "system_reboot"),
];
/// `nvmlGpuFabricState_t`, but 0, which is an absence.
const FABRIC_STATES: Table = &[(1, "not_started"), (2, "in_progress"), (3, "completed")];

/// Numbers that have a word.
type Table = &'static [(u32, &'static str)];

/// The architecture's word.
pub(crate) fn architecture(number: u32) -> String {
    word(number, ARCHITECTURES)
}

/// The compute mode's word.
pub(crate) fn compute_mode(number: u32) -> String {
    word(number, COMPUTE_MODES)
}

/// The recovery action's word.
pub(crate) fn recovery_action(number: u32) -> String {
    word(number, RECOVERY_ACTIONS)
}

/// The word for the state of the fabric.
pub(crate) fn fabric_state(number: u32) -> String {
    word(number, FABRIC_STATES)
}

/// `nvmlSystemGetCudaDriverVersion_v2`: 1000 × major + 10 × minor.
pub(crate) fn cuda_version(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

/// The words that an object's field may have beside those for unknown numbers: these sets are open, so that the
/// document lists them in the field's description, and a test holds it to that.
#[cfg(test)]
pub(super) fn described() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let words = |table: Table| table.iter().map(|(_, word)| *word).collect();
    vec![
        ("Gpu", "architecture", words(ARCHITECTURES)),
        ("Gpu", "recovery_action", words(RECOVERY_ACTIONS)),
        ("Modes", "compute", words(COMPUTE_MODES)),
        ("Fabric", "state", words(FABRIC_STATES)),
        ("Clocks", "event_reasons", EVENT_REASONS.to_vec()),
    ]
}

fn word(number: u32, known: Table) -> String {
    let known = known.iter().find(|(one, _)| *one == number);
    known.map_or_else(|| format!("unknown_{number}"), |(_, word)| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_words() {
        assert_eq!(event_reasons(0), [""; 0]);
        assert_eq!(event_reasons(0b1_0000_0101), ["gpu_idle", "sw_power_cap", "display_clock_setting"]);
        assert_eq!(event_reasons(1 << 63 | 1 << 9 | 1 << 7), ["hw_power_brake_slowdown", "bit_9", "bit_63"]);
    }

    #[test]
    fn numbers_become_words_unknown_ones_stay() {
        assert_eq!([architecture(2), architecture(10), architecture(11)], ["kepler", "blackwell", "unknown_11"]);
        assert_eq!([compute_mode(3), compute_mode(4)], ["exclusive_process", "unknown_4"]);
        assert_eq!([recovery_action(2), recovery_action(9)], ["node_reboot", "unknown_9"]);
        assert_eq!([fabric_state(3), fabric_state(0)], ["completed", "unknown_0"]);
        assert_eq!([cuda_version(13000), cuda_version(12080)], ["13.0", "12.8"]);
    }
}
