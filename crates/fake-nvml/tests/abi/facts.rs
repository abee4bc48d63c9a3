//! Values of a GPU without faults.

use nvml_wrapper_sys::bindings::{
    nvmlGridLicensableFeatures_t, nvmlMemory_t, nvmlMemory_v2_t, nvmlPciInfo_t, nvmlTemperature_v1_t, nvmlUtilization_t,
};

use crate::support::{Fake, Handle};

const ONE: &str = r#"
[[gpu]]
name = "NVIDIA GeForce RTX 3090"
fan_percent = 51
temperature_c = 55
power_mw = 119312
power_limit_mw = 350000
utilization_percent = 5
memory_total_bytes = 25769803776
memory_used_bytes = 12297699328
memory_reserved_bytes = 338690048
pci_bus_id = "00000000:0A:00.0"
nvlinks = 3
nvlink_errors = 6
nvlinks_total = 4
energy_mj = 5000000000
[gpu.fields]
138 = 4000
"138:1" = 7
82 = 44
"#;

#[test]
fn facts_of_golden_files_are_returned() {
    let fake = Fake::play(ONE);
    let gpu = fake.handle(0);
    assert_eq!(fake.get("nvmlDeviceGetFanSpeed", gpu), (0, 51_u32));
    assert_eq!(fake.get_of("nvmlDeviceGetTemperature", gpu, 0), (0, 55_u32));
    assert_eq!(fake.get("nvmlDeviceGetPowerUsage", gpu), (0, 119_312_u32));
    assert_eq!(fake.get("nvmlDeviceGetPowerManagementLimit", gpu), (0, 350_000_u32));
    let rates: unsafe extern "C" fn(Handle, *mut nvmlUtilization_t) -> u32 =
        fake.function("nvmlDeviceGetUtilizationRates");
    let mut utilization = nvmlUtilization_t { gpu: 9, memory: 9 };
    // SAFETY: the pointer leads to a structure of ours.
    assert_eq!(unsafe { rates(gpu, &raw mut utilization) }, 0);
    assert_eq!((utilization.gpu, utilization.memory), (5, 0));
    assert_eq!(fake.text("nvmlDeviceGetName", gpu, 96), (0, b"NVIDIA GeForce RTX 3090".to_vec()));
    assert_eq!(fake.text("nvmlDeviceGetName", gpu, 24).0, 0, "exact size");
    assert_eq!(fake.text("nvmlDeviceGetName", gpu, 23).0, 7, "no space for the NUL");
    assert_eq!(fake.get("nvmlDeviceGetBrand", gpu), (0, 15_u32));
}

#[test]
fn missing_fact_is_not_supported() {
    let fake = Fake::play("[[gpu]]\nname = \"X\"\nfan_percent = -1\ntemperature_c = -7\n");
    let gpu = fake.handle(0);
    assert_eq!(fake.get::<u32>("nvmlDeviceGetFanSpeed", gpu).0, 3, "negative");
    for name in [
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetEnforcedPowerLimit",
        "nvmlDeviceGetPerformanceState",
        "nvmlDeviceGetNumFans",
    ] {
        assert_eq!(fake.get::<u64>(name, gpu).0, 3, "{name}");
    }
    assert_eq!(fake.text("nvmlDeviceGetSerial", gpu, 30).0, 3);
    assert_eq!(fake.get_of("nvmlDeviceGetTemperature", gpu, 0), (0, -7_i32), "temperatures may be negative");
}

#[test]
fn name_may_be_invalid_utf_8() {
    let fake = Fake::play("[[gpu]]\nname_bytes = [0x4e, 0xff, 0x56]\n");
    assert_eq!(fake.text("nvmlDeviceGetName", fake.handle(0), 96), (0, vec![0x4e, 0xff, 0x56]));
}

#[test]
fn memory_v2_excludes_reserved_memory() {
    let fake = Fake::play(ONE);
    let gpu = fake.handle(0);
    let first: unsafe extern "C" fn(Handle, *mut nvmlMemory_t) -> u32 = fake.function("nvmlDeviceGetMemoryInfo");
    let second: unsafe extern "C" fn(Handle, *mut nvmlMemory_v2_t) -> u32 = fake.function("nvmlDeviceGetMemoryInfo_v2");
    let mut old = nvmlMemory_t { total: 0, free: 0, used: 0 };
    let mut new = nvmlMemory_v2_t { version: 40 | 2 << 24, total: 0, reserved: 0, free: 0, used: 0 };
    // SAFETY: the pointers lead to structures of ours.
    assert_eq!(unsafe { (first(gpu, &raw mut old), second(gpu, &raw mut new)) }, (0, 0));
    assert_eq!((old.total, old.used, old.free), (25_769_803_776, 12_636_389_376, 13_133_414_400));
    assert_eq!(
        (new.total, new.used, new.free, new.reserved),
        (25_769_803_776, 12_297_699_328, 13_133_414_400, 338_690_048)
    );
    assert_eq!(new.version, 40 | 2 << 24);
    for wrong in [0, 40 | 1 << 24, 32 | 2 << 24] {
        new.version = wrong;
        new.total = 1;
        // SAFETY: as above.
        assert_eq!(unsafe { second(gpu, &raw mut new) }, 25, "version word {wrong:x}");
        assert_eq!(new.total, 1, "nothing is written");
    }
}

#[test]
fn temperature_v_checks_version_word() {
    let fake = Fake::play(ONE);
    let gpu = fake.handle(0);
    let function: unsafe extern "C" fn(Handle, *mut nvmlTemperature_v1_t) -> u32 =
        fake.function("nvmlDeviceGetTemperatureV");
    let mut reading = nvmlTemperature_v1_t { version: 12 | 1 << 24, sensorType: 0, temperature: 0 };
    // SAFETY: the pointer leads to a structure of ours.
    assert_eq!(unsafe { function(gpu, &raw mut reading) }, 0);
    assert_eq!(reading.temperature, 55);
    reading.version = 12;
    // SAFETY: as above.
    assert_eq!(unsafe { function(gpu, &raw mut reading) }, 25);
}

#[test]
fn old_pci_structures_are_not_overrun() {
    let fake = Fake::play(ONE);
    let gpu = fake.handle(0);
    for (name, written) in
        [("nvmlDeviceGetPciInfo", 36), ("nvmlDeviceGetPciInfo_v2", 36), ("nvmlDeviceGetPciInfo_v3", 68)]
    {
        let function: unsafe extern "C" fn(Handle, *mut u8) -> u32 = fake.function(name);
        let mut buffer = [0xa5_u8; size_of::<nvmlPciInfo_t>() + 8];
        // SAFETY: the buffer is larger than the structure.
        assert_eq!(unsafe { function(gpu, buffer.as_mut_ptr()) }, 0, "{name}");
        assert_eq!(&buffer[..12], b"0000:0A:00.0", "{name}");
        assert_eq!(buffer[20..24], 10_u32.to_ne_bytes(), "{name}: bus");
        assert!(buffer[written..].iter().all(|byte| *byte == 0xa5), "{name} wrote past {written}");
        if written == 68 {
            assert_eq!(&buffer[36..52], b"00000000:0A:00.0");
        }
    }
}

#[test]
fn licence_needs_a_licensable_feature() {
    let fake = Fake::play("[[gpu]]\nvgpu_licensed = 1\n[[gpu]]\nvgpu_licensed = false\n[[gpu]]\n");
    let function: unsafe extern "C" fn(Handle, *mut nvmlGridLicensableFeatures_t) -> u32 =
        fake.function("nvmlDeviceGetGridLicensableFeatures_v4");
    let license = |gpu| {
        // SAFETY: numbers and arrays of bytes, for which all zeroes are a value.
        let mut features: nvmlGridLicensableFeatures_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer leads to a structure of ours.
        let code = unsafe { function(fake.handle(gpu), &raw mut features) };
        (code, features.licensableFeaturesCount, features.gridLicensableFeatures[0].featureState)
    };
    assert_eq!([license(0), license(1), license(2)], [(0, 1, 1), (0, 1, 0), (3, 0, 0)]);
}

#[test]
fn link_index_ends_at_link_count() {
    let fake = Fake::play(ONE);
    let gpu = fake.handle(0);
    let states: Vec<(u32, u32)> = (0..5).map(|link| fake.get_of("nvmlDeviceGetNvLinkState", gpu, link)).collect();
    assert_eq!(states, [(0, 1), (0, 1), (0, 1), (0, 0), (2, 0)]);
    let errors: unsafe extern "C" fn(Handle, u32, u32, *mut u64) -> u32 =
        fake.function("nvmlDeviceGetNvLinkErrorCounter");
    let count = |link, counter| {
        let mut number = 9;
        // SAFETY: the pointer leads to a number of ours.
        (unsafe { errors(gpu, link, counter, &raw mut number) }, number)
    };
    assert_eq!(
        [count(0, 0), count(0, 4), count(3, 0), count(4, 0), count(0, 5)],
        [(0, 6), (3, 9), (0, 0), (2, 9), (2, 9)]
    );
}

#[test]
fn mig_instance_has_own_handle() {
    let fake = Fake::play(
        r#"
[[gpu]]
name = "NVIDIA A100"
mig_mode = true
utilization_percent = 4
memory_total_bytes = 800
memory_used_bytes = 300
errors = { nvmlDeviceGetMemoryInfo = 4, nvmlDeviceGetComputeRunningProcesses_v3 = 4 }
[[gpu.mig]]
gpu_instance = 2
compute_instance = 1
profile = "3g.40gb"
memory_total_bytes = 400
memory_used_bytes = 100
[[gpu.process]]
pid = 41
gpu_instance = 2
compute_instance = 1
[[gpu.process]]
pid = 42
gpu_instance = 3
compute_instance = 0
[[gpu]]
name = "whole"
"#,
    );
    let gpu = fake.handle(0);
    assert_eq!(fake.get("nvmlDeviceGetMaxMigDeviceCount", gpu), (0, 7_u32));
    assert_eq!(fake.get("nvmlDeviceGetMaxMigDeviceCount", fake.handle(1)), (0, 0_u32));
    assert_eq!(fake.get_of::<usize>("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 1).0, 6);
    let (code, address) = fake.get_of::<usize>("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 0);
    assert_eq!(code, 0);
    let mig = std::ptr::without_provenance_mut(address);
    assert_eq!(fake.get("nvmlDeviceIsMigDeviceHandle", mig), (0, 1_u32));
    assert_eq!(fake.get("nvmlDeviceIsMigDeviceHandle", gpu), (0, 0_u32));
    assert_eq!(fake.get("nvmlDeviceGetGpuInstanceId", mig), (0, 2_u32));
    assert_eq!(fake.get("nvmlDeviceGetComputeInstanceId", mig), (0, 1_u32));
    assert_eq!(fake.get("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", mig), (0, gpu.addr()));
    assert_eq!(fake.text("nvmlDeviceGetName", mig, 96), (0, b"NVIDIA A100 MIG 3g.40gb".to_vec()));
    assert!(fake.text("nvmlDeviceGetUUID", mig, 96).1.starts_with(b"MIG-"));
    assert_eq!(fake.get::<[u64; 3]>("nvmlDeviceGetMemoryInfo", gpu).0, 4, "parent without permission");
    assert_eq!(fake.get("nvmlDeviceGetMemoryInfo", mig), (0, [400_u64, 300, 100]), "instance with permission");
    assert_eq!(fake.get::<u64>("nvmlDeviceGetUtilizationRates", mig).0, 3);
    let list: unsafe extern "C" fn(Handle, *mut u32, *mut u64) -> u32 =
        fake.function("nvmlDeviceGetComputeRunningProcesses_v3");
    let (mut count, mut entries) = (4, [0_u64; 12]);
    // SAFETY: the array has space for four entries of 24 bytes.
    assert_eq!(unsafe { list(mig, &raw mut count, entries.as_mut_ptr()) }, 0);
    assert_eq!((count, entries[0]), (1, 41), "only its own processes");
}

#[test]
fn gpu_is_found_by_every_key() {
    let fake = Fake::play("seed = 1\n[[gpu]]\n[[gpu]]\npci_bus_id = \"00000000:C3:00.0\"\nuuid = \"GPU-x\"\n");
    let second = fake.handle(1);
    for (name, key) in [
        ("nvmlDeviceGetHandleByUUID", c"GPU-x"),
        ("nvmlDeviceGetHandleByPciBusId_v2", c"0000:c3:00.0"),
        ("nvmlDeviceGetHandleByPciBusId", c"00000000:C3:00.0"),
    ] {
        let function: unsafe extern "C" fn(*const std::ffi::c_char, *mut Handle) -> u32 = fake.function(name);
        let mut found = std::ptr::null_mut();
        // SAFETY: the key is a C string and the pointer leads to a handle of ours.
        assert_eq!(unsafe { function(key.as_ptr(), &raw mut found) }, 0, "{name}");
        assert_eq!(found, second, "{name}");
        // SAFETY: as above.
        assert_ne!(unsafe { function(c"0000:99:00.0".as_ptr(), &raw mut found) }, 0, "{name}");
    }
    assert_eq!(fake.handle_code(2).0, 2);
}
