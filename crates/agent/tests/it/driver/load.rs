//! The driver does not notice how many clients there are.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use crate::support::{Driver, Start};

/// Calls into the driver over some readings' time.
fn calls(driver: &Driver) -> u64 {
    let before = driver.calls("nvml");
    thread::sleep(Duration::from_secs(2));
    driver.calls("nvml") - before
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
    assert!(without > 0 && with <= without + without / 10, "{without} calls without clients, {with} with 64");
}
