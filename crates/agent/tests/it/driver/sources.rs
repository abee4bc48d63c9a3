//! Values that have several sources: none takes the place of another that it is not.

use serde_json::{Value, json};

use crate::support::{Driver, Start, eventually};

/// A MIG parent whose driver reports no memory for it, an integrated GPU, one that shares its parent's memory between
/// compute instances, and one that counts its energy.
fn scenario(energy: &str) -> String {
    let link = "pcie_generation = 5\npcie_width = 16\npcie_max_generation = 5\npcie_max_width = 16\n";
    let instance = |gpu_instance: u32, compute_instance: u32, used: u64| {
        format!(
            "[[gpu.mig]]\ngpu_instance = {gpu_instance}\ncompute_instance = {compute_instance}\n\
             memory_total_bytes = 40000000000\nmemory_used_bytes = {used}\n"
        )
    };
    let refused = "errors = { nvmlDeviceGetMemoryInfo = 3, nvmlDeviceGetMemoryInfo_v2 = 3 }\n";
    format!(
        "[[gpu]]\nname = 'NVIDIA H200'\nmig_mode = 1\n{link}{refused}{}\
         [[gpu]]\nname = 'NVIDIA GB10'\nmemory_total_bytes = 8000000000\nmemory_used_bytes = 6000000000\n{link}\
         [[gpu]]\nname = 'NVIDIA H200'\nmig_mode = 1\n{}{}{}\
         [[gpu]]\nname = 'NVIDIA H200'\npower_mw = 100000\n{energy}\n\
         [[gpu]]\nname = 'Orin (nvgpu)'\n",
        instance(2, 0, 1_000_000),
        instance(2, 0, 10_737_418_240),
        instance(2, 1, 10_737_418_240),
        instance(3, 0, 2_147_483_648),
    )
}

fn sample(metrics: &str, name: &str, gpu: u32) -> Vec<f64> {
    let of = |line: &&str| line.starts_with(&format!("{name}{{gpu=\"{gpu}\""));
    metrics.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn memory_of_host_and_instances_only_where_it_belongs() {
    let driver = Driver::new(&scenario("energy_mj = 5000000000"));
    let agent = Start::on(&driver).serve().ready();
    let gpus = eventually("every slow reading", || {
        let gpus = agent.get("/api/v1/snapshot").json()["gpus"].clone();
        let read = |gpu: &Value| gpu["absent"]["modes.persistence"] == "not_supported";
        gpus.as_array().is_some_and(|gpus| gpus.len() == 5 && gpus.iter().all(read)).then_some(gpus)
    });
    let parent = &gpus[0];
    assert_eq!(
        (&parent["memory"]["total_bytes"], &parent["absent"]["memory.total_bytes"]),
        (&json!(null), &json!("not_supported"))
    );
    assert_eq!((&parent["pcie"]["generation"], &parent["pcie"]["width"]), (&json!(5), &json!(16)));
    assert_eq!(parent["mig"][0]["memory_total_bytes"], 40_000_000_000_u64);
    let integrated = &gpus[1];
    assert_eq!(
        (&integrated["memory"]["unified"], &integrated["memory"]["total_bytes"]),
        (&json!(true), &json!(8_000_000_000_u64))
    );
    assert_eq!((&integrated["use"]["unattributed_bytes"], &integrated["pcie"]["width"]), (&json!(null), &json!(null)));
    assert_eq!(integrated["use"]["verdict"], "free", "the host's memory is in use, not the GPU's");
    assert_eq!(gpus[2]["use"]["unattributed_bytes"], 12_884_901_888_u64);
    assert_eq!(gpus[4]["memory"]["unified"], true);
    assert!(gpus[4]["memory"]["total_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 28), "{}", gpus[4]["memory"]);
    let status = agent.get("/status").json();
    assert_eq!(status["data"]["devices"][0]["memory_total_human"], "N/A");
    let metrics = agent.get("/metrics");
    let used = sample(metrics.text(), "nvsmi_gpu_mig_memory_used_bytes", 2);
    assert_eq!(used, [10_737_418_240.0, 2_147_483_648.0], "each GPU instance once");
}

#[test]
fn energy_counter_keeps_its_source() {
    let driver = Driver::new(&scenario("energy_mj = 5000000000"));
    let agent = Start::on(&driver).serve().ready();
    let energy = || sample(agent.get("/metrics").text(), "nvsmi_gpu_energy_joules_total", 3);
    eventually("the driver's counter", || (energy() == [5_000_000.0]).then_some(()));
    for refusal in [
        "energy_mj = 5000000000\nerrors = { nvmlDeviceGetTotalEnergyConsumption = 21 }",
        "energy_mj = 5000000000\nerrors = { nvmlDeviceGetTotalEnergyConsumption = 3 }",
        "energy_mj = 9223372036854775000",
        "energy_mj = 7",
    ] {
        driver.play(&scenario(refusal));
        eventually("no counter, or one that began again", || (energy() != [5_000_000.0]).then_some(()));
        let seen = energy();
        assert!(seen.is_empty() || seen == [0.007], "{refusal}: {seen:?}");
        driver.play(&scenario("energy_mj = 5000000000"));
        eventually("the driver's counter again", || (energy() == [5_000_000.0]).then_some(()));
    }
}

#[test]
fn processes_of_several_lists_have_what_is_known() {
    // A client of MPS works, and the driver refuses the list with its PID.
    let stranger = "[[gpu.process]]\npid = 70\ntype = 'M'\nsm_percent = 50\n";
    let unlisted = "errors = { nvmlDeviceGetMPSComputeRunningProcesses_v3 = 3, nvmlDeviceGetMPSComputeRunningProcesses_v2 = 3, \
                    nvmlDeviceGetMPSComputeRunningProcesses = 3, nvmlDeviceGetRunningProcessDetailList = 3 }\n";
    let listed = |pid: u32, kind: &str, more: &str| format!("[[gpu.process]]\npid = {pid}\ntype = '{kind}'\n{more}\n");
    let gpu = |more: String| format!("[[gpu]]\nmemory_total_bytes = 80000000000\n{more}");
    let driver = Driver::new(
        &[
            gpu(unlisted.to_owned() + &listed(71, "C", "") + &listed(72, "C", "sm_percent = 30") + stranger),
            gpu(listed(71, "C", "") + &listed(72, "C", "sm_percent = 30")),
            gpu(listed(73, "C", "") + &listed(73, "G", "memory_bytes = 5000000")),
            gpu(listed(74, "C", "memory_bytes = 6000000") + &listed(74, "G", "")),
        ]
        .concat(),
    );
    let agent = Start::on(&driver).serve().ready();
    let facts = |gpu: usize, name: &str| -> Vec<Value> {
        let processes = agent.get("/api/v1/processes").json();
        let of_gpu = processes.as_array().unwrap().iter().filter(|process| process["gpu"] == gpu);
        of_gpu.map(|process| process[name].clone()).collect()
    };
    assert_eq!(facts(0, "sm_percent"), [json!(null), json!(30)], "another PID works");
    assert_eq!(facts(1, "sm_percent"), [json!(0), json!(30)]);
    assert_eq!(facts(2, "gpu_memory_bytes"), [json!(5_000_000)]);
    assert_eq!(facts(3, "gpu_memory_bytes"), [json!(6_000_000)]);
}
