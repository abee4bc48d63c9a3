//! Shipped rules, alerts and dashboards, checked by Prometheus itself.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

use super::host::{CUT, HOPPER, process};
use crate::support::{Driver, Monitor, StandIn, Start, Target, client, eventually, repository};

/// Runs promtool in the rules' folder; what it says.
fn promtool(arguments: &[&str]) -> String {
    let output =
        Command::new(client("promtool")).args(arguments).current_dir(repository("deploy/prometheus")).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Values of a key in lines such as `- alert: GpuLost`.
fn told(text: &str, key: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix(key));
    lines.map(|rest| rest.trim().to_owned()).collect()
}

#[test]
fn promtool_accepts_rules_and_alerts_fire() {
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&[
        "check",
        "rules",
        "recording.yml",
        "alerts.yml",
        "usage.yml",
        "fleet.yml",
        "dcgm-4.8-to-4.9.yml",
        "dcgm-4.9-to-4.8.yml",
    ]);
    promtool(&["test", "rules", "tests.yml", "usage-tests.yml", "fleet-tests.yml"]);
    let (alerts, tests) = (text("deploy/prometheus/alerts.yml"), text("deploy/prometheus/tests.yml"));
    let (names, tested) = (told(&alerts, "alert:"), told(&tests, "alertname:"));
    let runbooks = told(&alerts, "runbook_url:");
    assert_eq!(names.len(), 17);
    assert_eq!(names.len(), runbooks.len(), "each has a line of the runbook");
    let book = text("docs/runbook.md");
    let repository = told(&text("Cargo.toml"), "repository =").remove(0).trim_matches('"').to_owned();
    for (name, runbook) in names.iter().zip(&runbooks) {
        assert!(tested.contains(name), "{name} is not tested");
        assert_eq!(runbook, &format!("{repository}/blob/main/docs/runbook.md#{}", name.to_ascii_lowercase()));
        assert!(book.lines().any(|line| line == format!("## {name}")), "{name} is not in the runbook");
    }
    // No text is empty where a GPU has no UUID or a host no name, and none is about a GPU without its host.
    for summary in told(&alerts, "summary:").iter().filter(|summary| summary.contains("$labels.gpu")) {
        assert!(
            summary.contains("nvsmi_agent_host_info") && summary.contains("{{ else }}{{ $labels.instance }}"),
            "{summary}"
        );
    }
    assert!(!alerts.contains("({{ $labels.uuid }})"));
    for record in told(&text("deploy/prometheus/recording.yml"), "record:") {
        assert!(tests.contains(&format!("expr: {record}\n")), "{record} is not tested");
    }
    for name in ["usage", "fleet"] {
        let tests = text(&format!("deploy/prometheus/{name}-tests.yml"));
        for record in told(&text(&format!("deploy/prometheus/{name}.yml")), "record:") {
            assert!(tests.contains(&format!("expr: {record}")), "{record} is not tested");
        }
    }
}

/// Every metric of ours that a text names.
fn ours(text: &str) -> BTreeSet<String> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_' && character != ':');
    words.filter(|word| word.starts_with("nvsmi_") && word.len() > 12).map(String::from).collect()
}

#[test]
fn rules_and_dashboards_use_existing_metrics() {
    let documented = text("docs/metrics.md");
    let mut files: Vec<String> =
        ["alerts", "recording", "usage", "fleet"].map(|name| format!("deploy/prometheus/{name}.yml")).into();
    files.extend(["docs/runbook.md", "docs/from-dcgm-exporter.md"].map(String::from));
    files.extend(["host", "fleet"].map(|name| format!("deploy/grafana/dashboards/{name}.json")));
    for file in files {
        for name in ours(&text(&file)) {
            let base = ["_bucket", "_sum", "_count"].iter().fold(name.as_str(), |name, end| name.trim_end_matches(end));
            assert!(documented.contains(&format!("| `{base}` |")), "{file}: there is no {name}");
        }
    }
}

/// The expressions of a dashboard, with its variables as a reader has chosen them, and whether each may find nothing: a
/// table of what is wrong is empty on a good day.
fn expressions(dashboard: &Value) -> Vec<(String, bool)> {
    let chosen = [("$__rate_interval", "5s"), ("$__range", "5s"), ("$instance", ".*"), ("$gpu", ".*"), ("$job", ".*")];
    let fill = |text: &str| chosen.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| {
        let may_be_empty = panel["type"] == "table";
        panel["targets"].as_array().unwrap().iter().map(move |target| (target, may_be_empty))
    });
    targets.map(|(target, may_be_empty)| (fill(target["expr"].as_str().unwrap()), may_be_empty)).collect()
}

#[test]
fn rules_and_dashboards_have_data_on_prometheus() {
    let worker = StandIn::start(&["python", "train.py"]);
    let driver = Driver::new(&format!("{HOPPER}{}{CUT}", process(&worker)));
    let agent = Start::on(&driver).argument("--metrics-processes").argument("--metrics-set=full").serve().ready();
    let other_driver = Driver::new(HOPPER);
    let other = Start::on(&other_driver).serve().ready();
    let rules = ["recording", "alerts"].map(|name| repository(&format!("deploy/prometheus/{name}.yml")));
    let monitor = Monitor::prometheus(
        &[Target::new("nvidia-smi-web-agent", &agent), Target::new("others", &other)],
        &[rules[0].as_path(), rules[1].as_path()],
    );
    for name in ["host", "fleet"] {
        let dashboard: Value = serde_json::from_str(&text(&format!("deploy/grafana/dashboards/{name}.json"))).unwrap();
        let expressions = expressions(&dashboard);
        assert!(expressions.len() >= 10, "{name}: {expressions:?}");
        for (expression, may_be_empty) in expressions {
            eventually(&format!("{name}: {expression}"), || {
                let found = monitor.query(&expression);
                (may_be_empty || !found.is_empty()).then_some(())
            });
        }
    }
    let firing = eventually("every rule to be worked out", || {
        let groups = monitor.ask("/api/v1/rules");
        let all =
            groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
        let all: Vec<Value> = all.collect();
        assert!(all.iter().all(|rule| rule["health"] != "err"), "{all:#?}");
        let done = all.len() == 27 && all.iter().all(|rule| rule["health"] == "ok");
        let firing = all.into_iter().filter(|rule| rule["state"] == "firing").map(|rule| rule["name"].clone());
        // What fires at once on this board: its errors, and a row that waits.
        let firing: Vec<Value> = firing.collect();
        let wanted = ["GpuEccUncorrected", "GpuRowRemapPending"];
        (done && wanted.iter().all(|name| firing.contains(&Value::from(*name)))).then_some(firing)
    });
    assert!(!firing.contains(&"GpuRowRemapFailed".into()) && !firing.contains(&"GpuAgentDown".into()), "{firing:?}");
}

/// The expression of the panel with this title.
fn of_panel(dashboard: &str, title: &str) -> String {
    let dashboard: Value = serde_json::from_str(&text(&format!("deploy/grafana/dashboards/{dashboard}.json"))).unwrap();
    let panel = dashboard["panels"].as_array().unwrap().iter().find(|panel| panel["title"] == title);
    let panel = panel.unwrap_or_else(|| panic!("there is no {title}"));
    panel["targets"][0]["expr"].as_str().unwrap().replace("$instance", ".*")
}

#[test]
fn dashboards_count_gpus_not_ok_in_each_set() {
    let driver = Driver::new(&["well", "lost", "failing"].map(|name| format!("[[gpu]]\nname = '{name}'\n")).concat());
    let agent = Start::on(&driver).serve().ready();
    let fleet = ["params: {set: [fleet]}"];
    let monitor =
        Monitor::prometheus(&[Target::new("standard", &agent), Target::new("fleet", &agent).with(&fleet)], &[]);
    let panels = [("host", "Not ok"), ("host", "Unwell"), ("fleet", "GPUs not ok"), ("fleet", "GPUs unwell")];
    let counts = |expected: f64| {
        for (dashboard, title) in panels {
            for job in ["standard", "fleet"] {
                let expression = of_panel(dashboard, title).replace("$job", job);
                eventually(&format!("{expected}: {expression}"), || {
                    (monitor.values(&expression) == [expected]).then_some(())
                });
            }
        }
    };
    counts(0.0);
    let errors = ["", "errors = { '*' = 15 }\n", "errors = { '*' = 999, nvmlDeviceGetHandleByIndex_v2 = 0 }\n"];
    let gpus = ["well", "lost", "failing"].iter().zip(errors);
    driver.play(&gpus.map(|(name, errors)| format!("[[gpu]]\nname = '{name}'\n{errors}")).collect::<String>());
    counts(2.0);
    for (job, expected) in [("standard", ["error", "lost"]), ("fleet", ["not ok", "not ok"])] {
        let expression = of_panel("fleet", "GPUs that are not read").replace("$job", job);
        eventually(&expression, || {
            let found = monitor.query(&expression);
            assert!(found.iter().all(|series| series["value"][1] == "1"), "{found:?}");
            let mut states: Vec<&str> = found.iter().filter_map(|gpu| gpu["metric"]["state"].as_str()).collect();
            states.sort_unstable();
            (states == expected).then_some(())
        });
    }
}

#[test]
fn dashboards_match_their_generator() {
    for name in ["host", "fleet"] {
        let output = Command::new("python3").arg(repository("deploy/grafana/make")).arg(name).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made = String::from_utf8(output.stdout).unwrap();
        let path = format!("deploy/grafana/dashboards/{name}.json");
        assert!(made == text(&path), "{path} is stale: deploy/grafana/make {name} >{path}");
    }
}
