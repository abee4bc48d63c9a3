//! Free memory of the heap.

/// Processes from which a tick leaves megabytes free: the sample and the snapshot before it.
const MANY: usize = 2000;

/// Returns free memory to the kernel after a tick with many processes. glibc would keep it until the end of the heap is
/// free.
pub fn trim_after_tick(processes: usize) {
    if processes >= MANY {
        trim_heap();
    }
}

/// Returns unused memory of the heap to the kernel, after work that needs much and is rare.
#[cfg(target_env = "gnu")]
pub fn trim_heap() {
    // SAFETY: malloc_trim takes a number, locks the heap itself, and leaves what is allocated as it is.
    unsafe { nix::libc::malloc_trim(0) };
}

/// Returns unused memory of the heap to the kernel, if the C library can.
#[cfg(not(target_env = "gnu"))]
pub const fn trim_heap() {}
