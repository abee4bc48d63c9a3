//! GPUs that are gone: of an earlier run, or of this one, until an administrator has the agent forget them.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Agent, Driver, Start, eventually};

const A: &str =
    "[[gpu]]\nname = 'NVIDIA H200'\nuuid = 'GPU-A'\nmemory_total_bytes = 1048576000\nmemory_used_bytes = 0\n";
const B: &str = "[[gpu]]\nname = 'NVIDIA L4'\nuuid = 'GPU-B'\nmemory_total_bytes = 1048576000\nmemory_used_bytes = 0\n";

/// A host with a state directory and a control socket.
struct Host {
    driver: Driver,
    room: TempDir,
}

impl Host {
    fn new(scenario: &str) -> Self {
        Self { driver: Driver::new(scenario), room: TempDir::new().unwrap() }
    }

    fn flag(&self) -> String {
        format!("--control-socket={}", self.room.path().join("control.sock").display())
    }

    fn serve(&self) -> Agent {
        let state = self.room.path().join("state");
        Start::on(&self.driver).variable("STATE_DIRECTORY", state.to_str().unwrap()).argument(&self.flag()).serve()
    }

    /// Status of `forget`, with the line that it printed.
    fn forget(&self, gpu: &str) -> (i32, String) {
        let (status, out, error) = Start::bare().argument("forget").argument(gpu).argument(&self.flag()).finish();
        (status.code().unwrap(), out + &error)
    }
}

/// Status of `health --gpus`, with its lines.
fn health(agent: &Agent) -> (i32, String) {
    let start = Start::bare().argument("health").argument("--gpus");
    let (status, out, error) = start.variable("PORT", &agent.address().port().to_string()).finish();
    assert_eq!(error, "");
    (status.code().unwrap(), out)
}

fn healthy(agent: &Agent) {
    eventually("health", || (health(agent).0 == 0).then_some(()));
}

/// Waits until the driver does not list GPU B any more.
fn uncounted(agent: &Agent) {
    let detail = || agent.get("/api/v1/gpus/1").json()["state_detail"].clone();
    eventually("it not to be counted", || (detail() == "the driver no longer counts it").then_some(()));
}

/// Identifiers of the missing GPUs.
fn missing(agent: &Agent) -> Vec<Value> {
    let summary = agent.get("/api/v1/summary").json();
    summary["missing"].as_array().unwrap().iter().map(|gpu| gpu["id"].clone()).collect()
}

fn notes(agent: &Agent) -> Vec<String> {
    let snapshot = agent.get("/api/v1/snapshot").json();
    let notes = snapshot["host"]["notes"].as_array().unwrap().iter();
    notes.map(|note| note.as_str().unwrap().into()).filter(|note: &String| note.contains("GPU-")).collect()
}

/// Codes of the events about GPU B.
fn events(agent: &Agent) -> Vec<Value> {
    let events = agent.get("/api/v1/events").json();
    let all = events.as_array().unwrap().iter();
    all.filter(|event| event["gpu_uuid"] == "GPU-B").map(|event| event["code"].clone()).collect()
}

fn count(agent: &Agent) -> (Value, Value) {
    (agent.get("/count").json()["data"].clone(), agent.status()["count"].clone())
}

#[test]
fn gpu_missing_at_start_is_reported_until_forgotten() {
    let host = Host::new(&format!("{A}{B}"));
    let agent = host.serve().ready();
    healthy(&agent);
    assert_eq!((missing(&agent), count(&agent)), (vec![], (json!(2), json!(2))));
    agent.stop();
    // Nothing is missing where nothing is listed.
    for (scenario, answer) in [("init = 9", "Driver Not Loaded"), ("init_hang = true", "nvmlInit")] {
        host.driver.play(scenario);
        let agent = host.serve();
        eventually(answer, || agent.get("/api/v1/snapshot").text().contains(answer).then_some(()));
        assert_eq!((missing(&agent), notes(&agent), events(&agent)), (vec![], vec![], vec![]), "{scenario}");
        let (status, refusal) = host.forget("GPU-B");
        assert!(status == 1 && refusal.contains("there is none"), "{refusal}");
        agent.stop();
    }
    // A second run reports it without a second event.
    host.driver.play(A);
    host.serve().ready().stop();
    let agent = host.serve().ready();
    assert_eq!((missing(&agent), events(&agent)), (vec![json!("GPU-B")], vec![json!("missing")]));
    assert_eq!(count(&agent), (json!(1), json!(1)), "this run has no values of it");
    let (status, text) =
        eventually("the GPU to be ok", || Some(health(&agent)).filter(|(_, text)| text.contains(" ok ")));
    let lines: Vec<&str> = text.lines().collect();
    assert!(status == 2 && lines[0].starts_with("GPU CRITICAL - GPU-B: missing (1 GPU) | "), "{text}");
    let line = lines[2];
    for part in ["  -  critical  NVIDIA L4", "GPU-B is missing", "forget GPU-B"] {
        assert!(line.contains(part), "{line:?} lacks {part:?}");
    }
    assert!(agent.get("/api/v1/summary.txt").text().contains("missing  GPU-B"));
    let noted = notes(&agent);
    assert!(
        noted.len() == 1 && noted[0].contains("GPU-B is missing") && noted[0].contains("forget GPU-B"),
        "{noted:?}"
    );

    for (gpu, parts) in [("GPU-X", ["no GPU GPU-X", "GPU-B"]), ("1", ["no GPU 1", "GPU-B"]), ("0", ["GPU-A", "GPU-B"])]
    {
        let (status, refusal) = host.forget(gpu);
        assert!(status == 1 && parts.iter().all(|part| refusal.contains(part)), "{refusal}");
    }
    assert_eq!(host.forget("").0, 2);
    let (status, done) = host.forget("GPU-B");
    assert!(status == 0 && done.contains("forgotten: GPU-B"), "{done}");
    // The answer comes when it is so.
    assert_eq!((missing(&agent), notes(&agent), health(&agent).0), (vec![], vec![], 0));
    agent.stop();
    let agent = host.serve().ready();
    healthy(&agent);
    assert_eq!((missing(&agent), notes(&agent)), (vec![], vec![]));
    assert_eq!(events(&agent), ["missing", "forgotten"]);

    host.driver.play(&format!("{A}{B}"));
    agent.until("it to be there again", |data| data["devices"][1]["name"] == "NVIDIA L4");
    healthy(&agent);
    let (status, refusal) = host.forget("GPU-B");
    assert!(status == 1 && refusal.contains("the driver lists GPU 1 (GPU-B)"), "{refusal}");
}

#[test]
fn gpu_missing_is_found_again() {
    let host = Host::new(&format!("{A}{B}"));
    let agent = host.serve().ready();
    healthy(&agent);
    agent.stop();
    host.driver.play(A);
    let agent = host.serve().ready();
    assert_eq!(missing(&agent), ["GPU-B"]);
    host.driver.play(&format!("{A}{B}"));
    agent.until("it to be there again", |data| data["count"] == 2);
    healthy(&agent);
    assert_eq!((missing(&agent), notes(&agent)), (vec![], vec![]));
    assert_eq!(events(&agent), ["missing", "found"]);
}

#[test]
fn gpu_taken_out_is_lost_until_forgotten() {
    let both = format!("{A}{B}");
    let host = Host::new(&both);
    let agent = host.serve().ready();
    healthy(&agent);
    // It answers "lost" while it is listed.
    host.driver.play(&format!("{both}errors = {{ '*' = 15 }}\n"));
    eventually("it to be lost", || (health(&agent).0 == 2).then_some(()));
    let (status, refusal) = host.forget("GPU-B");
    assert!(status == 1 && refusal.contains("still lists GPU 1 (GPU-B)") && refusal.contains("release"), "{refusal}");
    // It is not listed.
    host.driver.play(A);
    uncounted(&agent);
    assert_eq!(count(&agent), (json!(2), json!(2)));
    let (status, refusal) = host.forget("GPU-X");
    assert!(status == 1 && refusal.contains("1 (GPU-B)"), "{refusal}");
    let (status, done) = host.forget("1");
    assert!(status == 0 && done.contains("forgotten: GPU-B"), "{done}");
    assert_eq!((count(&agent), health(&agent).0), ((json!(1), json!(1)), 0));
    // By itself.
    host.driver.play(&both);
    agent.until("it to be there again", |data| data["devices"][1]["name"] == "NVIDIA L4");
    healthy(&agent);
    host.driver.play(A);
    uncounted(&agent);
    assert_eq!(host.forget("gpu-b").0, 0);
    agent.stop();
    let agent = host.serve().ready();
    healthy(&agent);
    assert_eq!((missing(&agent), count(&agent)), (vec![], (json!(1), json!(1))));
}
