//! The recipes of docs/python.md, and clients of the stream that are not ours.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use crate::support::{Agent, Driver, StandIn, Start, eventually, repository};

const TOKEN: &str = "changeme";

/// Python with the packages of the recipes.
fn python() -> PathBuf {
    let python = repository("target/clients/recipes/bin/python");
    assert!(python.exists(), "the recipes' packages are not there: run scripts/clients recipes");
    python
}

/// Runs a script with the agent's address and token.
fn run(agent: &Agent, script: &str) -> Output {
    let mut command = Command::new(python());
    command.args(["-W", "error", "-c", script]).env("NVSMI_TOKEN", TOKEN);
    command.env("NVSMI_URL", format!("http://{}/a/b/", agent.address())).output().unwrap()
}

/// Text between two marks, each time.
fn between<'a>(text: &'a str, begin: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).filter_map(move |rest| rest.split_once(end)).map(|(inside, _)| inside)
}

/// Three GPUs: two have processes of this account, the third is free and had an Xid error.
fn host() -> (Agent, Driver, [StandIn; 2]) {
    let processes = [StandIn::start(&["python", "train.py"]), StandIn::start(&["python", "serve.py"])];
    let gpu = "[[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 150754820096\nutilization_percent = 42\n\
               power_mw = 300000\ntemperature_c = 61\nfan_percent = 30\n";
    let held = processes.each_ref().map(|process| {
        let pid = process.pid();
        format!("{gpu}xids = []\nmemory_used_bytes = 21474836480\n[[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = 21474836480\n")
    });
    let scenario = |xids: &str| {
        let free = gpu.replace("utilization_percent = 42", "utilization_percent = 0");
        format!("{}{free}uuid = 'GPU-C'\nmemory_used_bytes = 0\nxids = [{xids}]\n", held.concat())
    };
    let driver = Driver::new(&scenario(""));
    let agent = Start::on(&driver).variable("TOKEN", TOKEN).variable("URL_PREFIX", "a/b").serve();
    let ask = |path: &str| agent.request(&format!("/a/b/api/v1/{path}"), &[("authorization", TOKEN)]).json();
    eventually("Xid errors to be awaited", || ask("gpus/2")["xid"]["since"].as_u64());
    driver.play(&scenario("{ after_s = 0, code = 31 }"));
    eventually("processes, an event and some history", || {
        let values = |query: &str| {
            let answer = ask(&format!("history?metric=power.draw_watts&{query}"));
            let all = answer["series"][2]["values"].as_array().cloned().unwrap_or_default();
            all.iter().filter(|value| !value.is_null()).count()
        };
        // Of the steps of 10 s, that a recipe asks for, those count that are over.
        let history = values("since=-15m").min(values("since=-1h&step=10s") * 2);
        let processes = ask("processes").as_array().map_or(0, Vec::len);
        let has_xid = ask("events").to_string().contains("xid_31");
        let is_free = ask("gpus/2")["use"]["verdict"] == "free";
        (processes == 2 && has_xid && history >= 2 && is_free).then_some(())
    });
    (agent, driver, processes)
}

#[test]
fn python_recipes_run() {
    let text = fs::read_to_string(repository("docs/python.md")).unwrap();
    let recipes: Vec<&str> = between(&text, "```python\n", "```").collect();
    assert_eq!(recipes.len(), 11);
    let (agent, _driver, _processes) = host();
    let expected: [&[&str]; 11] = [
        &["driver"],
        &["free: [2] GPU-"],
        &[": 40.0 GiB on GPUs [0, 1]"],
        &["NVIDIA H200", "busy", "free", "300.0"],
        &["21474836480"],
        &["2 memory: not_supported"],
        &["utilization.gpu_percent", "42.0", "300.0"],
        &["memory.used_bytes", "temperature.gpu_celsius", "61"],
        &["GPU-hours, 0.00 of them idle", "free: "],
        &["warning GPU-C: ", "Xid 31"],
        &["snapshot ", ": 2 of 3 GPUs are busy"],
    ];
    for (number, (recipe, parts)) in recipes.iter().zip(expected).enumerate() {
        // Those with tables need the import of the fourth.
        let imports = if number > 3 { "import pandas as pd\n" } else { "" };
        let start = if number > 0 { recipes[0] } else { "" };
        let output = run(&agent, &format!("{start}{imports}{recipe}"));
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {}", number + 1, String::from_utf8_lossy(&output.stderr));
        assert!(parts.iter().all(|part| told.contains(part)), "{}: {told}", number + 1);
    }
    let typo = format!("{}\nget('processes', users='alice')", recipes[0]);
    let output = run(&agent, &typo);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("Did you mean user?"), "{error}");
}

/// httpx-sse makes events of blocks without data, which the standard forbids; sseclient-py reads the stream in another way.
#[test]
fn stream_clients_get_no_empty_events() {
    let (agent, _driver, _processes) = host();
    let connect = "import json, os, httpx, requests, sseclient
from httpx_sse import connect_sse
url, headers = os.environ['NVSMI_URL'] + 'api/v1/stream', {'Authorization': 'Bearer ' + os.environ['NVSMI_TOKEN']}
def check(events):
    for number, event in enumerate(events):
        assert json.loads(event.data)['sequence'] and event.event == 'snapshot', event
        if number == 0: print(event.retry)
        if number == 5: return
";
    let httpx = "with httpx.Client(headers=headers) as client:
    with connect_sse(client, 'GET', url) as source: check(source.iter_sse())";
    let sseclient = "check(sseclient.SSEClient(requests.get(url, headers=headers, stream=True)).events())";
    for client in [httpx, sseclient] {
        let output = run(&agent, &format!("{connect}{client}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "2000", "{client}");
    }
}
