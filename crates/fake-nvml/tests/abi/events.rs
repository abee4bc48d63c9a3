//! Xid events.

use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::nvmlEventData_t;

use crate::support::{Fake, Handle};

const XID: u64 = 8;

fn create(fake: &Fake) -> Handle {
    let create: unsafe extern "C" fn(*mut Handle) -> u32 = fake.function("nvmlEventSetCreate");
    let mut set = std::ptr::null_mut();
    // SAFETY: the pointer leads to a handle of ours.
    assert_eq!(unsafe { create(&raw mut set) }, 0);
    set
}

fn register(fake: &Fake, gpu: u32, set: Handle) -> u32 {
    let register: unsafe extern "C" fn(Handle, u64, Handle) -> u32 = fake.function("nvmlDeviceRegisterEvents");
    // SAFETY: the handles are the library's own.
    unsafe { register(fake.handle(gpu), XID, set) }
}

/// Return code, GPU and Xid of the next event.
fn wait(fake: &Fake, set: Handle, timeout_ms: u32) -> (u32, usize, u64) {
    let wait: unsafe extern "C" fn(Handle, *mut nvmlEventData_t, u32) -> u32 = fake.function("nvmlEventSetWait_v2");
    // SAFETY: the structure is made of integers and a pointer, which may be null.
    let mut event: nvmlEventData_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer leads to a structure of ours.
    let code = unsafe { wait(set, &raw mut event, timeout_ms) };
    (code, event.device.addr(), event.eventData)
}

#[test]
fn wait_without_events_times_out() {
    let fake = Fake::play("[[gpu]]\nxids = []\n");
    let set = create(&fake);
    assert_eq!(register(&fake, 0, set), 0);
    let started = Instant::now();
    assert_eq!(wait(&fake, set, 150).0, 10);
    let waited = started.elapsed();
    assert!((Duration::from_millis(150)..Duration::from_secs(5)).contains(&waited), "{waited:?}");
}

#[test]
fn event_is_delivered_once_when_due() {
    let fake = Fake::play("[[gpu]]\n[[gpu]]\nxids = []\n");
    let set = create(&fake);
    assert_eq!(register(&fake, 1, set), 0);
    fake.replace("[[gpu]]\n[[gpu]]\nxids = [{ after_s = 0.2, code = 79 }, { after_s = 0.1, code = 48 }]\n");
    let gpu = fake.handle(1).addr();
    assert_eq!(wait(&fake, set, 2_000), (0, gpu, 48));
    assert_eq!(wait(&fake, set, 2_000), (0, gpu, 79));
    assert_eq!(wait(&fake, set, 50).0, 10);
}

#[test]
fn events_before_registration_are_not_delivered() {
    let fake = Fake::play("[[gpu]]\nxids = [{ after_s = 0, code = 31 }]\n");
    std::thread::sleep(Duration::from_millis(20));
    let set = create(&fake);
    assert_eq!(register(&fake, 0, set), 0);
    assert_eq!(wait(&fake, set, 60).0, 10);
    // A new version of the scenario adds another event. The previous one is not delivered again.
    fake.replace("[[gpu]]\nxids = [{ after_s = 0, code = 31 }, { after_s = 0, code = 79 }]\n");
    assert_eq!(wait(&fake, set, 2_000).2, 79);
    assert_eq!(wait(&fake, set, 60).0, 10);
}

#[test]
fn events_need_support_and_a_set() {
    let fake = Fake::play("[[gpu]]\n[[gpu]]\nxids = []\n");
    let set = create(&fake);
    assert_eq!(register(&fake, 0, set), 3, "no list of Xids");
    assert_eq!(fake.get::<u64>("nvmlDeviceGetSupportedEventTypes", fake.handle(0)).0, 3);
    assert_eq!(fake.get("nvmlDeviceGetSupportedEventTypes", fake.handle(1)), (0, XID));
    let free: unsafe extern "C" fn(Handle) -> u32 = fake.function("nvmlEventSetFree");
    // SAFETY: the library must reject a freed set.
    assert_eq!(unsafe { (free(set), free(set)) }, (0, 2));
    assert_eq!(wait(&fake, set, 10).0, 2);
}
