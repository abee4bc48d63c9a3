//! The fabric and its health, by the newest structure that the driver knows.

use serde_json::json;

use crate::support::{Driver, Start, eventually};

const GPU: &str = "[[gpu]]\nname = 'NVIDIA GB300'\nnvlinks = 18\nfabric_state = 3\nfabric_status = 0\n";

#[test]
fn fabric_health_read_and_older_functions_used() {
    // The route is unhealthy, the bandwidth is not degraded; then a wrong configuration; then none of it is known.
    let unhealthy = format!("{GPU}fabric_health = 2\nfabric_health_mask = 0x1a\n");
    let limited = format!("{GPU}fabric_health = 3\nfabric_health_mask = 0x4aa\n");
    let filler = format!("{GPU}fabric_health = 255\nfabric_health_mask = 4294967295\n");
    let old = format!("{unhealthy}errors = {{ nvmlDeviceGetGpuFabricInfoV = 13 }}\n");
    let driver = Driver::new(&format!("{unhealthy}{limited}{filler}{old}{GPU}"));
    let agent = Start::on(&driver).serve().ready();
    let gpus = eventually("the fabric of every GPU", || {
        let gpus = agent.get("/api/v1/snapshot").json()["gpus"].clone();
        gpus.as_array().is_some_and(|gpus| gpus.iter().all(|gpu| gpu["fabric"]["state"] == "completed")).then_some(gpus)
    });
    let (unknown, no) = (json!("error"), json!("not_supported"));
    for (gpu, health, problems, absent) in [
        (0, json!("unhealthy"), json!(["route_unhealthy"]), json!(null)),
        (1, json!("limited_capacity"), json!(["no_partition"]), json!(null)),
        (2, json!(null), json!([]), unknown),
        (3, json!(null), json!([]), no.clone()),
        (4, json!(null), json!([]), no),
    ] {
        let (fabric, why) = (&gpus[gpu]["fabric"], &gpus[gpu]["absent"]);
        assert_eq!((&fabric["health"], &fabric["problems"]), (&health, &problems), "GPU {gpu}");
        assert_eq!((&why["fabric.health"], &why["fabric.problems"]), (&absent, &absent), "GPU {gpu}");
    }
    let metrics = agent.get("/metrics");
    let metrics = metrics.text();
    for line in [r#"nvsmi_gpu_fabric_health{gpu="0""#, r#"nvsmi_gpu_fabric_problem{gpu="1""#] {
        assert!(metrics.contains(line), "{line}");
    }
    assert!(!metrics.contains(r#"nvsmi_gpu_fabric_health{gpu="2""#));
}
