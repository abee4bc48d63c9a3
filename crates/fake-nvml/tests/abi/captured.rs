//! Answers of a scenario, captured or written by hand, are played back call by call.

use nvml_wrapper_sys::bindings::{
    nvmlMemory_t, nvmlMemory_v2_t, nvmlPciInfo_t, nvmlProcessUtilizationSample_t, nvmlUtilization_t,
};

use crate::fields::fields;
use crate::support::{Fake, Handle};

const CAPTURE: &str = r#"
missing = ["nvmlDeviceGetOfaUtilization"]
[answers]
nvmlDeviceGetCount_v2 = 2

[[gpu]]
power_mw = 5
performance_state = 1
[gpu.answers]
nvmlDeviceGetName = { bytes = [78, 255, 65] }
nvmlDeviceGetSerial = "0001"
nvmlDeviceGetPowerUsage = 41000
nvmlDeviceGetFanSpeed = { code = 3 }
"nvmlDeviceGetClockInfo(0)" = 1980
"nvmlDeviceGetClockInfo(1)" = { code = 999 }
nvmlDeviceGetTotalEnergyConsumption = -1
nvmlDeviceGetUtilizationRates = [37, 12]
nvmlDeviceGetMemoryInfo = [10, 3, 8]
nvmlDeviceGetMemoryInfo_v2 = [10, 1, 3, 7]
nvmlDeviceGetPciInfo_v3 = ["0000:18:00.0", 0, 24, 0, 592449758, 7, "00000000:18:00.0"]
nvmlDeviceGetComputeRunningProcesses_v3 = { width = 16, entries = [[4000001, 1048576], [4000002, -1]] }
nvmlDeviceGetGraphicsRunningProcesses_v3 = { count = 2, written = 20 }
nvmlDeviceGetProcessUtilization = { width = 32, entries = [[4000001, 100000, 37, 12, 0, 0], [4000002, -1, 1, 2, 3, 4]] }
nvmlDeviceGetMaxMigDeviceCount = 7
"nvmlDeviceGetMigDeviceHandleByIndex(0)" = { code = 6 }
[gpu.fields]
"82:0" = { value = 44, type = 1 }
"230:0" = { code = 25 }
"138:4294967295" = { value = { count_from = 7, per_s = 0 }, type = 99 }
[[gpu.mig]]
place = 3
answers = { nvmlDeviceGetName = "NVIDIA A100 MIG 1g.5gb", nvmlDeviceGetSerial = { code = 2 } }

[[gpu]]
answers = { nvmlDeviceGetHandleByIndex_v2 = 0 }
"#;

#[test]
fn answers_are_played_back() {
    let fake = Fake::play(CAPTURE);
    let gpu = fake.handle(0);
    assert_eq!(fake.text("nvmlDeviceGetName", gpu, 96), (0, b"N\xffA".to_vec()));
    assert_eq!(fake.text("nvmlDeviceGetSerial", gpu, 4), (7, b"####".to_vec()), "buffer too small");
    assert_eq!(fake.get("nvmlDeviceGetPowerUsage", gpu), (0, 41_000_u32), "an answer has priority over the fact");
    assert_eq!(fake.get::<u32>("nvmlDeviceGetPerformanceState", gpu), (0, 1), "the fact without an answer");
    assert_eq!(fake.get::<u32>("nvmlDeviceGetFanSpeed", gpu).0, 3);
    assert_eq!(fake.get_of("nvmlDeviceGetClockInfo", gpu, 0), (0, 1980_u32));
    assert_eq!(fake.get_of::<u32>("nvmlDeviceGetClockInfo", gpu, 1).0, 999);
    assert_eq!(fake.get_of::<u32>("nvmlDeviceGetClockInfo", gpu, 2).0, 3, "neither answer nor fact");
    assert_eq!(fake.get("nvmlDeviceGetTotalEnergyConsumption", gpu), (0, u64::MAX));
    assert_eq!(fake.get::<[u32; 2]>("nvmlDeviceGetOfaUtilization", gpu).0, 13, "missing");
}

/// Calls a function that writes a structure.
fn structure<T: Copy>(fake: &Fake, name: &str, mut value: T) -> (u32, T) {
    let function: unsafe extern "C" fn(Handle, *mut T) -> u32 = fake.function(name);
    // SAFETY: the pointer leads to a structure of the type that the function writes.
    let code = unsafe { function(fake.handle(0), &raw mut value) };
    (code, value)
}

#[test]
fn structures_are_played_by_field() {
    let fake = Fake::play(CAPTURE);
    let (code, rates) = structure(&fake, "nvmlDeviceGetUtilizationRates", nvmlUtilization_t { gpu: 0, memory: 0 });
    assert_eq!((code, rates.gpu, rates.memory), (0, 37, 12));
    let (_, memory) = structure(&fake, "nvmlDeviceGetMemoryInfo", nvmlMemory_t { total: 0, free: 0, used: 0 });
    assert_eq!((memory.total, memory.free, memory.used), (10, 3, 8));
    let version = size_of::<nvmlMemory_v2_t>() as u32 | 2 << 24;
    let blank = |version| nvmlMemory_v2_t { version, total: 0, reserved: 0, free: 0, used: 0 };
    let (code, memory) = structure(&fake, "nvmlDeviceGetMemoryInfo_v2", blank(version));
    assert_eq!((code, memory.total, memory.reserved, memory.free, memory.used), (0, 10, 1, 3, 7));
    assert_eq!(structure(&fake, "nvmlDeviceGetMemoryInfo_v2", blank(7)).0, 25, "a wrong version");
    // SAFETY: numbers and byte arrays, for which all zeroes are a value.
    let (_, pci) = structure(&fake, "nvmlDeviceGetPciInfo_v3", unsafe { std::mem::zeroed::<nvmlPciInfo_t>() });
    let text = pci.busId.map(|byte| byte as u8);
    assert_eq!((&text[..17], pci.bus, pci.pciDeviceId), (&b"00000000:18:00.0\0"[..], 24, 592_449_758));
}

#[test]
fn lists_keep_their_layout() {
    let fake = Fake::play(CAPTURE);
    let list = |name: &str, mut count: u32| {
        let function: unsafe extern "C" fn(Handle, *mut u32, *mut u8) -> u32 = fake.function(name);
        let mut buffer = [0xa5_u8; 64];
        // SAFETY: the buffer has space for two of the widest entries.
        let code = unsafe { function(fake.handle(0), &raw mut count, buffer.as_mut_ptr()) };
        (code, count, buffer)
    };
    let (code, count, bytes) = list("nvmlDeviceGetComputeRunningProcesses_v3", 2);
    assert_eq!((code, count), (0, 2));
    assert_eq!(bytes[..4], 4_000_001_u32.to_ne_bytes());
    assert_eq!((&bytes[4..8], &bytes[24..32]), (&[0xa5; 4][..], &[0xff; 8][..]), "the padding is not written");
    assert_eq!(bytes[32], 0xa5, "nor are the bytes after the list");
    assert_eq!(list("nvmlDeviceGetComputeRunningProcesses_v3", 1).0, 7);
    let (code, count, bytes) = list("nvmlDeviceGetGraphicsRunningProcesses_v3", 2);
    assert_eq!((code, count, &bytes[19..21]), (0, 2, &[0xff, 0xa5][..]));

    let samples: unsafe extern "C" fn(Handle, *mut nvmlProcessUtilizationSample_t, *mut u32, u64) -> u32 =
        fake.function("nvmlDeviceGetProcessUtilization");
    let blank = nvmlProcessUtilizationSample_t { pid: 0, timeStamp: 1, smUtil: 0, memUtil: 0, encUtil: 0, decUtil: 0 };
    let (mut room, mut count) = ([blank; 4], 4);
    // SAFETY: the array has `count` entries.
    assert_eq!(unsafe { samples(fake.handle(0), room.as_mut_ptr(), &raw mut count, 12_345) }, 0);
    assert_eq!((count, room[0].pid, room[0].smUtil, room[1].decUtil), (2, 4_000_001, 37, 4));
    assert!(room[0].timeStamp > 1_700_000_000_000_000 && room[1].timeStamp == 0);
}

#[test]
fn fields_keep_type_and_code() {
    let fake = Fake::play(CAPTURE);
    let field = |id, scope| fields(&fake, &[(id, scope)])[0];
    assert_eq!(field(82, 0), (0, 1, 44));
    assert_eq!(field(230, 0).0, 25);
    assert_eq!(field(138, u32::MAX), (0, 99, 7), "a type that NVML does not define");
    assert_eq!(field(139, u32::MAX).0, 3, "not captured");
}

#[test]
fn instances_have_indices_and_null_handles_are_played() {
    let fake = Fake::play(CAPTURE);
    assert_eq!(fake.get::<u32>("nvmlDeviceGetMaxMigDeviceCount", fake.handle(0)), (0, 7));
    let instance = |place| fake.get_of::<usize>("nvmlDeviceGetMigDeviceHandleByIndex", fake.handle(0), place);
    assert_eq!((instance(0).0, instance(1).0, instance(2).0), (6, 3, 3));
    let (code, handle) = instance(3);
    let handle: Handle = std::ptr::with_exposed_provenance_mut(handle);
    assert_eq!(code, 0);
    assert_eq!(fake.text("nvmlDeviceGetName", handle, 96).1, b"NVIDIA A100 MIG 1g.5gb");
    assert_eq!(fake.text("nvmlDeviceGetSerial", handle, 30).0, 2);
    assert_eq!(fake.handle_code(1), (0, std::ptr::null_mut()));
}

#[test]
fn answer_of_wrong_type_is_an_error() {
    let fake = Fake::play(
        "[[gpu]]\nanswers = { nvmlDeviceGetPowerUsage = 'x', nvmlDeviceGetName = 7, nvmlDeviceGetUtilizationRates = 1 }\n",
    );
    let gpu = fake.handle(0);
    assert_eq!(fake.get::<u32>("nvmlDeviceGetPowerUsage", gpu).0, 999);
    assert_eq!(fake.get::<[u32; 2]>("nvmlDeviceGetUtilizationRates", gpu).0, 999);
    assert_eq!(fake.text("nvmlDeviceGetName", gpu, 96).0, 999);
}
