//! `/openapi.json` and the answers are one: schemathesis reads the document, asks all that it allows and much that it
//! does not, and finds nothing that is not documented.

use std::process::Command;

use crate::support::{Agent, Driver, StandIn, Start, clients, eventually};

const TOKEN: &str = "changeme";

/// Eight GPUs under load with processes, of which one has an Xid error.
fn serve(token: Option<&str>) -> (Agent, Driver, Vec<StandIn>) {
    let scenario = include_str!("../../../../fake-nvml/scenarios/h200-8.toml");
    let scenario = scenario.replacen("xids = []", "xids = [{ after_s = 0, code = 79 }]", 1);
    let processes: Vec<StandIn> = [0, 1, 2, 3]
        .iter()
        .map(|rank| StandIn::start(&["python", "train.py", &format!("--local-rank={rank}")]))
        .chain([StandIn::start(&["python", "serve.py", "--model", "qwen-32b"])])
        .collect();
    let driver = Driver::new(&scenario);
    let start = Start::on(&driver);
    let start = token.into_iter().fold(start, |start, token| start.variable("TOKEN", token));
    let agent = start.serve().ready();
    eventually("processes and an event", || {
        let ask = |path| agent.request(path, &[("authorization", TOKEN)]).json().as_array().unwrap().len();
        (ask("/api/v1/processes") >= 5 && ask("/api/v1/events") > 0).then_some(())
    });
    (agent, driver, processes)
}

fn judge(agent: &Agent, extra: &[&str]) {
    let work = tempfile::tempdir().unwrap();
    let output = Command::new(clients().join("bin/schemathesis"))
        .args([
            "--config-file",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/repository/openapi.toml"),
            "--no-color",
            "run",
        ])
        .arg(format!("http://{}/openapi.json", agent.address()))
        // The same questions each time, and none from a run before.
        .args(["--seed=1", "--generation-database=none", "--max-examples=40", "--request-timeout=20"])
        .args(extra)
        .current_dir(work.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // Not by having asked nothing.
    let document = agent.request("/openapi.json", &[("authorization", TOKEN)]).json();
    // All but the stream, which has no end.
    let tested = format!("Tested: {}\n", document["paths"].as_object().unwrap().len() - 1);
    assert!(text.contains(&tested) && text.contains("No issues found"), "{text}");
}

#[test]
fn openapi_documents_answers_with_token() {
    let (agent, _driver, _processes) = serve(Some(TOKEN));
    judge(&agent, &["--header", &format!("Authorization: Bearer {TOKEN}")]);
}

#[test]
fn openapi_documents_answers_of_open_agent() {
    let (agent, _driver, _processes) = serve(None);
    judge(&agent, &[]);
}
