//! Getters without a fact of their own: a number in the scenario is enough.

use crate::support::Fake;

#[test]
fn getter_without_fact_returns_its_answer() {
    let fake = Fake::play(
        "[[gpu]]\nanswers = { nvmlDeviceGetModuleId = 3, nvmlDeviceGetMemClkVfOffset = -5, \
         'nvmlDeviceGetMaxCustomerBoostClock(1)' = 1980, nvmlDeviceGetMinMaxFanSpeed = [30, 100], \
         nvmlDeviceGetBoardPartNumber = '900-2G520' }\n[[gpu]]\nanswers = { nvmlDeviceGetModuleId = { code = 4 } }\n[[gpu]]\n",
    );
    let gpu = fake.handle(0);
    assert_eq!(fake.get("nvmlDeviceGetModuleId", gpu), (0, 3_u32));
    assert_eq!(fake.get("nvmlDeviceGetMemClkVfOffset", gpu), (0, -5_i32));
    assert_eq!(fake.get_of("nvmlDeviceGetMaxCustomerBoostClock", gpu, 1), (0, 1_980_u32));
    assert_eq!(fake.get_of::<u32>("nvmlDeviceGetMaxCustomerBoostClock", gpu, 2).0, 3, "another clock");
    assert_eq!(fake.text("nvmlDeviceGetBoardPartNumber", gpu, 80), (0, b"900-2G520".to_vec()));
    assert_eq!(fake.get::<u32>("nvmlDeviceGetModuleId", fake.handle(1)).0, 4);
    for name in ["nvmlDeviceGetModuleId", "nvmlDeviceGetNumGpuCores", "nvmlDeviceGetSupportedClocksEventReasons"] {
        assert_eq!(fake.get::<u64>(name, fake.handle(2)).0, 3, "{name}");
    }
}

#[test]
fn answer_changes_with_time() {
    let fake = Fake::play(
        "clock = 'boot'\n[[gpu]]\nanswers = { nvmlDeviceGetModuleId = { ramp = [7, 7], period_s = 1 }, \
         nvmlDeviceGetTotalEnergyConsumption = { count_from = 5000, per_s = 1000000 } }\n",
    );
    assert_eq!(fake.get("nvmlDeviceGetModuleId", fake.handle(0)), (0, 7_u32));
    let energy = || fake.get::<u64>("nvmlDeviceGetTotalEnergyConsumption", fake.handle(0)).1;
    let first = energy();
    std::thread::sleep(std::time::Duration::from_millis(10));
    assert!(energy() > first && first > 5_000);
}

#[test]
fn getter_without_fact_has_faults() {
    let fake = Fake::play("[[gpu]]\n[[fault]]\nfunction = 'nvmlDeviceGetModuleId'\ngarbage = true\n");
    assert_eq!(fake.get("nvmlDeviceGetModuleId", fake.handle(0)), (0, 0xeeee_eeee_u32));
    fake.replay("[[gpu]]\n[[fault]]\nfunction = 'nvmlDeviceGetModuleId'\ncode = 999\n");
    assert_eq!(fake.get::<u32>("nvmlDeviceGetModuleId", fake.handle(0)).0, 999);
}
