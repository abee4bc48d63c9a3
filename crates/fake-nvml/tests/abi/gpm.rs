//! GPM metrics from two samples.

use std::ffi::c_void;
use std::thread;
use std::time::Duration;

use nvml_wrapper_sys::bindings::nvmlGpmMetricsGet_t;

use crate::support::{Fake, Handle};

const TWO: &str = "[[gpu]]\n[gpu.gpm]\n1 = 71.5\n10 = 20\n[[gpu]]\n";

fn allocate(fake: &Fake) -> Handle {
    let allocate: unsafe extern "C" fn(*mut Handle) -> u32 = fake.function("nvmlGpmSampleAlloc");
    let mut sample = std::ptr::null_mut();
    // SAFETY: the pointer leads to a handle of ours.
    assert_eq!(unsafe { allocate(&raw mut sample) }, 0);
    sample
}

fn take(fake: &Fake, gpu: u32, sample: Handle) -> u32 {
    let take: unsafe extern "C" fn(Handle, *mut c_void) -> u32 = fake.function("nvmlGpmSampleGet");
    // SAFETY: the handles are the library's own.
    unsafe { take(fake.handle(gpu), sample) }
}

/// Return code of the call, and return code and value of the metrics 1, 10 and 2.
fn metrics(fake: &Fake, version: u32, first: Handle, second: Handle) -> (u32, [(u32, f64); 3]) {
    let get: unsafe extern "C" fn(*mut nvmlGpmMetricsGet_t) -> u32 = fake.function("nvmlGpmMetricsGet");
    // SAFETY: the structure is made of numbers and of pointers, which may be null.
    let mut request: Box<nvmlGpmMetricsGet_t> = unsafe { Box::new(std::mem::zeroed()) };
    request.version = version;
    request.numMetrics = 3;
    request.sample1 = first.cast();
    request.sample2 = second.cast();
    for (metric, id) in request.metrics.iter_mut().zip([1, 10, 2, 10]) {
        metric.metricId = id;
        metric.nvmlReturn = 77;
    }
    // SAFETY: the pointer leads to a structure of ours.
    let code = unsafe { get(&raw mut *request) };
    assert_eq!(request.metrics[3].nvmlReturn, 77, "only the requested metrics");
    let metric = |index: usize| (request.metrics[index].nvmlReturn, request.metrics[index].value);
    (code, [metric(0), metric(1), metric(2)])
}

#[test]
fn metrics_need_two_samples_with_time_between() {
    let fake = Fake::play(TWO);
    let (first, second) = (allocate(&fake), allocate(&fake));
    assert_eq!(metrics(&fake, 1, first, second).0, 2, "neither was taken");
    assert_eq!(take(&fake, 0, first), 0);
    assert_eq!(metrics(&fake, 1, first, second).0, 2, "one was taken");
    // On a busy machine the time between two calls may be longer than expected.
    let too_close = (0..50).any(|_| {
        assert_eq!((take(&fake, 0, first), take(&fake, 0, second)), (0, 0));
        let (code, metrics) = metrics(&fake, 1, first, second);
        code == 0 && metrics[0].1.is_nan()
    });
    assert!(too_close, "no metrics between immediate samples");
    thread::sleep(Duration::from_millis(110));
    assert_eq!(take(&fake, 0, second), 0);
    assert_eq!(metrics(&fake, 1, first, second), (0, [(0, 71.5), (0, 20.0), (3, 0.0)]));
    assert_eq!(metrics(&fake, 1, second, first).0, 2, "swapped samples");
    assert_eq!(metrics(&fake, 2, first, second).0, 25);
}

#[test]
fn gpu_without_metrics_lacks_support() {
    let fake = Fake::play(TWO);
    let sample = allocate(&fake);
    assert_eq!(take(&fake, 1, sample), 3);
    let support: unsafe extern "C" fn(Handle, *mut [u32; 2]) -> u32 = fake.function("nvmlGpmQueryDeviceSupport");
    for (gpu, expected) in [(0, 1), (1, 0)] {
        let mut query = [1, 9];
        // SAFETY: the structure is two words, the first its version.
        assert_eq!(unsafe { support(fake.handle(gpu), &raw mut query) }, 0);
        assert_eq!(query[1], expected, "GPU {gpu}");
    }
}

#[test]
fn freed_sample_fails() {
    let fake = Fake::play(TWO);
    let sample = allocate(&fake);
    let free: unsafe extern "C" fn(Handle) -> u32 = fake.function("nvmlGpmSampleFree");
    // SAFETY: the library must reject a freed sample.
    assert_eq!(unsafe { (free(sample), free(sample)) }, (0, 2));
    assert_eq!(take(&fake, 0, sample), 2);
}

#[test]
fn gpu_instance_has_own_metrics() {
    let fake = Fake::play(
        "[[gpu]]\nmig_mode = 1\ngpm = { 1 = 5 }\n[[gpu.mig]]\ngpu_instance = 3\ngpm = { 1 = 25 }\n[[gpu.mig]]\n\
         gpu_instance = 4\n",
    );
    let take: unsafe extern "C" fn(Handle, u32, *mut c_void) -> u32 = fake.function("nvmlGpmMigSampleGet");
    // SAFETY: the handles are the library's own.
    let take = |instance: u32, sample: Handle| unsafe { take(fake.handle(0), instance, sample) };
    let (first, second) = (allocate(&fake), allocate(&fake));
    assert_eq!([take(4, first), take(5, first), take(3, first)], [3, 2, 0], "no samples, no instance, success");
    thread::sleep(Duration::from_millis(110));
    assert_eq!(take(3, second), 0);
    assert_eq!(metrics(&fake, 1, first, second), (0, [(0, 25.0), (3, 0.0), (3, 0.0)]));
}
