//! The driver does not notice how many clients there are.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use crate::support::{Driver, Start, eventually};

/// Readings of a GPU in one measurement: twice as many as between two readings of the slowest kind.
const READINGS: u64 = 20;

/// Calls into the driver per 100 readings. A busy machine delays readings, which is nobody's doing here.
fn calls(driver: &Driver) -> u64 {
    let (calls, readings) = (|| driver.calls("nvml"), || driver.calls("nvmlDeviceGetPowerUsage"));
    let before = (calls(), readings());
    eventually("more readings", || (readings() >= before.1 + READINGS * 8).then_some(()));
    (calls() - before.0) * 100 / (readings() - before.1)
}

#[test]
fn driver_calls_unchanged_by_64_clients() {
    let driver = Driver::new(&"[[gpu]]\nname = 'A'\npower_mw = 1\n".repeat(8));
    let agent = Start::on(&driver).serve().ready();
    let without = calls(&driver);
    let (over, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let with = thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(agent.get("/status").status, 200);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let with = calls(&driver);
        over.store(true, Ordering::Relaxed);
        with
    });
    assert!(answers.load(Ordering::Relaxed) > 64, "the clients did ask");
    assert!(
        without > 0 && with <= without + without / 10,
        "{without} calls per 100 readings without clients, {with} with 64"
    );
}
