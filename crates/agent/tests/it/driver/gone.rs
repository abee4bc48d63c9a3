//! A driver that goes away under handles that are held, and a library that says what cannot be.

use serde_json::json;

use crate::support::{Driver, Start, eventually};

const TWO: &str = "[[gpu]]\nname = 'A'\ntemperature_c = 41\n[[gpu]]\nname = 'B'\ntemperature_c = 42\n";

/// Every call about a GPU fails so; that which finds it answers with that handle's code.
fn refusing(code: u32, handle: u32, also: &str) -> String {
    format!("{also}errors = {{ '*' = {code}, nvmlDeviceGetHandleByIndex_v2 = {handle} }}\n{TWO}")
}

#[test]
fn driver_gone_from_every_call_restarts_collector() {
    for (code, handle, text, also) in [
        (9, 0, "Driver Not Loaded", ""),
        (9, 9, "Driver Not Loaded", ""),
        (9, 0, "Driver Not Loaded", "count_error = 9\n"),
        (18, 0, "RM has detected an NVML/RM version mismatch.", ""),
        (1, 1, "Uninitialized", ""),
    ] {
        let driver = Driver::new(TWO);
        let agent = Start::on(&driver).serve().ready();
        let first = agent.collectors();
        driver.play(&refusing(code, handle, also));
        let failed =
            eventually("it to be given up", || Some(agent.get("/status")).filter(|answer| answer.status == 500));
        assert_eq!(failed.json()["error"], text, "{code}");
        driver.play(TWO);
        eventually("a fresh collector that reads", || {
            let read = agent.get("/status");
            (read.status == 200 && read.json()["data"]["devices"][1]["temperature"] == json!(42)).then_some(())
        });
        assert_ne!(agent.collectors(), first, "{code}");
    }
}

#[test]
fn driver_gone_from_one_gpu_keeps_collector() {
    let driver = Driver::new(TWO);
    let agent = Start::on(&driver).argument("--log=debug").serve().ready();
    let first = agent.collectors();
    driver.play(&TWO.replacen("[[gpu]]\n", "[[gpu]]\nerrors = { '*' = 18, nvmlDeviceGetHandleByIndex_v2 = 0 }\n", 1));
    let before = agent.until("its values to go", |data| data["devices"][0]["temperature"] == json!("N/A"));
    let ts = |data: &serde_json::Value| data["devices"][1]["ts"].as_u64().unwrap();
    // Longer than three looks of a second.
    let later = agent.until("the other to be read on", |data| ts(data) > ts(&before) + 4500);
    assert_eq!(later["devices"][1]["temperature"], json!(42));
    assert_eq!(agent.collectors(), first);
}

#[test]
fn gpu_count_absurd_is_failure() {
    let driver = Driver::new(TWO);
    let agent = Start::on(&driver).serve().ready();
    let first = agent.collectors();
    let before = driver.calls("nvmlDeviceGetCount_v2");
    driver.play(&format!("{TWO}[[fault]]\nfunction = 'nvmlDeviceGetCount_v2'\ngarbage = true\n"));
    eventually("some counts", || (driver.calls("nvmlDeviceGetCount_v2") > before + 4).then_some(()));
    assert_eq!(agent.get("/count").json()["data"], json!(2));
    assert_eq!(agent.collectors(), first);
}

#[test]
fn gpu_name_garbage_corrected_without_new_handle() {
    let named = |uuid: &str| format!("[[gpu]]\nname = 'A'\nuuid = '{uuid}'\nserial = '42'\n");
    let garbage = ["nvmlDeviceGetName", "nvmlDeviceGetUUID", "nvmlDeviceGetSerial"]
        .map(|function| format!("[[fault]]\nfunction = '{function}'\ngarbage = true\n"))
        .concat();
    let uuid = "GPU-00000000-0000-0000-0000-00000000000a";
    let driver = Driver::new(&format!("{}{garbage}", named(uuid)));
    let agent = Start::on(&driver).serve().ready();
    let gpu = || agent.get("/api/v1/gpus").json()[0].clone();
    assert_eq!(gpu()["absent"]["uuid"], "error", "a UUID that is none is not taken for one: {}", gpu());
    driver.play(&named(uuid));
    let gpu = eventually("who it is", || Some(gpu()).filter(|gpu| gpu["name"] == "A" && gpu["uuid"] == uuid));
    assert_eq!(gpu["serial"], "42");
    // And again garbage, which is not believed of a GPU that is known.
    let asked = driver.calls("nvmlDeviceGetUUID");
    driver.play(&format!("{}{garbage}", named(uuid)));
    eventually("it to be asked again", || (driver.calls("nvmlDeviceGetUUID") > asked + 2).then_some(()));
    let gpus = agent.get("/api/v1/gpus").json();
    assert_eq!((gpus.as_array().unwrap().len(), &gpus[0]["uuid"]), (1, &json!(uuid)));
}

#[test]
fn gpu_swapped_under_handle_detected() {
    let named = |uuid: &str| format!("[[gpu]]\nname = 'A'\nuuid = '{uuid}'\n");
    let driver = Driver::new(&named("GPU-00000000-0000-0000-0000-00000000000a"));
    let agent = Start::on(&driver).serve().ready();
    driver.play(&named("GPU-00000000-0000-0000-0000-00000000000b"));
    let gpus = eventually("the other", || {
        let gpus = agent.get("/api/v1/gpus").json();
        (gpus[0]["uuid"] == "GPU-00000000-0000-0000-0000-00000000000b").then_some(gpus)
    });
    assert_eq!(gpus[1]["state"], "lost", "the first is no longer counted: {gpus}");
}
