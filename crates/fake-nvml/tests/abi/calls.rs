//! The common part of all calls: init, null pointers, wild handles, counters and exported names.

use std::{collections::HashSet, ffi::c_char, fs};

use crate::support::{Fake, Handle, built_library};

const ONE: &str = "driver_version = \"570.1\"\n[[gpu]]\nname = \"X\"\npower_mw = 7\n";

#[test]
fn init_is_counted() {
    let fake = Fake::load(ONE);
    assert_eq!(fake.handle_code(0).0, 1, "before init");
    assert_eq!(fake.plain("nvmlShutdown"), 1);
    assert_eq!((fake.init(), fake.init()), (0, 0));
    assert_eq!(fake.plain("nvmlShutdown"), 0);
    assert_eq!(fake.handle_code(0).0, 0, "one init is left");
    assert_eq!(fake.plain("nvmlShutdown"), 0);
    assert_eq!(fake.handle_code(0).0, 1);
}

#[test]
fn error_texts_equal_the_library_s() {
    let fake = Fake::load(ONE);
    assert_eq!(fake.error_text(9), "Driver Not Loaded");
    assert_eq!(fake.error_text(15), "GPU is lost");
    assert_eq!(fake.error_text(18), "Driver/library version mismatch");
    assert_eq!(fake.error_text(4_711), "Unknown Error");
}

#[test]
fn versions_are_returned() {
    let fake = Fake::play(ONE);
    for (name, expected) in [("nvmlSystemGetDriverVersion", "570.1"), ("nvmlSystemGetNVMLVersion", "13.570.1")] {
        let function: unsafe extern "C" fn(*mut c_char, u32) -> u32 = fake.function(name);
        let mut buffer = [0_u8; 80];
        // SAFETY: the buffer has the given size.
        assert_eq!(unsafe { function(buffer.as_mut_ptr().cast(), 80) }, 0);
        assert_eq!(std::str::from_utf8(&buffer).unwrap().trim_end_matches('\0'), expected);
    }
}

#[test]
fn null_pointers_and_wild_handles_fail() {
    let fake = Fake::play(ONE);
    let gpu = fake.handle(0);
    let power: unsafe extern "C" fn(Handle, *mut u32) -> u32 = fake.function("nvmlDeviceGetPowerUsage");
    let name: unsafe extern "C" fn(Handle, *mut c_char, u32) -> u32 = fake.function("nvmlDeviceGetName");
    let by_uuid: unsafe extern "C" fn(*const c_char, *mut Handle) -> u32 = fake.function("nvmlDeviceGetHandleByUUID");
    let none: Handle = std::ptr::null_mut();
    let wild: Handle = std::ptr::without_provenance_mut(0x1234);
    let mut value = 0;
    // SAFETY: the pointers lead to a value of ours, or must be rejected by the library.
    unsafe {
        assert_eq!(power(gpu, none.cast()), 2);
        assert_eq!(power(none, &raw mut value), 2);
        assert_eq!(power(wild, &raw mut value), 2);
        assert_eq!(name(gpu, std::ptr::null_mut(), 96), 2);
        assert_eq!(by_uuid(std::ptr::null(), std::ptr::null_mut()), 2);
        assert_eq!(power(gpu, &raw mut value), 0);
    }
    assert_eq!(value, 7);
}

#[test]
fn calls_are_counted_in_the_file() {
    let fake = Fake::play(ONE);
    let gpu = fake.handle(0);
    let before = fake.counted("nvmlDeviceGetPowerUsage");
    for _ in 0..5 {
        fake.get::<u32>("nvmlDeviceGetPowerUsage", gpu);
    }
    assert_eq!(fake.counted("nvmlDeviceGetPowerUsage") - before, 5);
    assert_eq!(fake.counted("nvmlDeviceGetHandleByIndex_v2"), 1);
    assert_eq!(fake.counted("nvmlDeviceGetName"), 0);
    let text = fs::read_to_string(fake.folder().join("calls")).unwrap();
    assert!(text.lines().all(|line| line.len() == 79), "lines of fixed width");
}

#[test]
fn exported_names_are_separate_strings() {
    let fake = Fake::load(ONE);
    let bytes = fs::read(built_library()).unwrap();
    let listed = fs::read_to_string(fake.folder().join("calls")).unwrap();
    let strings: HashSet<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let names: Vec<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() > 100, "{}", names.len());
    for name in names {
        let _: unsafe extern "C" fn() = fake.function(name);
        assert!(strings.contains(name.as_bytes()), "{name} can be renamed in a copy");
    }
}

#[test]
fn library_has_the_soname_of_nvml() {
    let bytes = fs::read(built_library()).unwrap();
    let name = b"\0libnvidia-ml.so.1\0";
    assert!(bytes.windows(name.len()).any(|window| window == name));
}
