//! GPU-hours of users in real monitoring systems, beside an agent that restarts, is killed between two flushes, and is not scraped
//! for a while. Time runs faster: an hour is a minute, and 30 days are as long as the host is played.

use std::{fs, path::PathBuf, thread, time::Duration};

use nix::sys::signal::Signal;

use crate::support::{Agent, Driver, Monitor, StandIn, Start, Target, eventually, repository};

/// Three minutes of use, at one scrape each 10 s.
const SHORT_USE: Duration = Duration::from_secs(3);
/// Time for which the monitoring system has known the totals when it is asked about that moment.
const STABLE: &str = "2s";

/// The shipped rules, hurried; their 30 days are a window in seconds.
fn rules(driver: &Driver, window: u64) -> PathBuf {
    let mut text = fs::read_to_string(repository("deploy/prometheus/usage.yml")).unwrap();
    for (shipped, hurried) in [
        ("interval: 2m", "interval: 200ms"),
        ("[1h]", "[60s]"),
        ("offset 30d", &format!("offset {window}s")),
        ("30 * 86400", &window.to_string()),
        ("offset 1d", "offset 20s"),
        ("86400", "20"),
    ] {
        assert!(text.contains(shipped), "{shipped}");
        text = text.replace(shipped, hurried);
    }
    let path = driver.folder().join("usage.yml");
    fs::write(&path, text).unwrap();
    path
}

/// Gives the rules a window from that moment to one that is soon over, and waits until it is: its end. They go on from what
/// they had recorded, which does not depend on the window's length.
fn until_window_is_over(host: &Host, monitor: &Monitor, begin: u64) -> u64 {
    let end = eventually("rules in time", || {
        let window = (unix_ms() - begin) / 1000 + 4;
        rules(&host.driver, window);
        monitor.signal(Signal::SIGHUP);
        let text = format!("time() - {window} ");
        eventually("the new rules", || monitor.ask("/api/v1/rules").to_string().contains(&text).then_some(()));
        let end = begin + window * 1000;
        // They are evaluated some times until then.
        (unix_ms() + 1500 < end).then_some(end)
    });
    while unix_ms() < end + 500 {
        thread::sleep(Duration::from_millis(100));
    }
    end
}

/// The documented expression, for a window in milliseconds.
fn documented(window: u64) -> String {
    let document = fs::read_to_string(repository("docs/usage.md")).unwrap();
    let (_, rest) = document.split_once("```promql\n").unwrap();
    let expression = rest.split_once("```").unwrap().0;
    assert!(expression.contains("[1h] offset 30d"), "{expression}");
    expression.replace("[1h]", "[60s]").replace("30d", &format!("{window}ms")).replace('\n', " ")
}

/// A host with one GPU, which the long-time user has, and somebody else for a short while.
struct Host {
    driver: Driver,
    long: StandIn,
    short: StandIn,
    names: [String; 2],
}

impl Host {
    fn new() -> Self {
        let (long, short) = (StandIn::start(&["train"]), StandIn::start_as(&["test"], Some(1)));
        let host = Self { driver: Driver::new(""), long, short, names: ["root", "daemon"].map(String::from) };
        host.used_by(&[]);
        host
    }

    fn start(&self) -> Start {
        let state = self.driver.folder().join("state");
        let start = Start::on(&self.driver).argument("--metrics-users").argument("--usage-flush=2s");
        start.variable("NVSMI_STATE_DIR", state.to_str().unwrap())
    }

    fn used_by(&self, processes: &[&StandIn]) {
        // Work without a process would be somebody's who cannot be seen.
        let percent = if processes.is_empty() { 0 } else { 50 };
        let used = processes.len() << 20;
        let mut scenario = format!(
            "[[gpu]]\nname = 'NVIDIA H200'\nuuid = 'GPU-A'\nutilization_percent = {percent}\n\
             memory_total_bytes = 150754820096\nmemory_reserved_bytes = 512753664\nmemory_used_bytes = {used}\n"
        );
        for process in processes {
            let pid = process.pid();
            scenario.push_str(&format!("[[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = 1048576\n"));
        }
        self.driver.play(&scenario);
    }
}

/// GPU-seconds of a user, with what is in memory.
fn counted(agent: &Agent, user: &str) -> f64 {
    let report = agent.get("/api/v1/usage").json();
    let rows = report["rows"].as_array().unwrap_or_else(|| panic!("{report}")).clone();
    rows.iter().find(|row| row["user"] == user).map_or(0.0, |row| row["gpu_seconds"].as_f64().unwrap())
}

/// GPU-seconds of a user as they are exported.
fn exported(agent: &Agent, user: &str) -> f64 {
    let begin = format!("nvsmi_user_gpu_seconds_total{{user=\"{user}\"}} ");
    let text = agent.get("/metrics").text().to_owned();
    text.lines().find_map(|line| line.strip_prefix(&begin)).map_or(0.0, |value| value.parse().unwrap())
}

fn until_counted(agent: &Agent, user: &str, seconds: f64) {
    eventually(&format!("{seconds} s of {user}"), || (counted(agent, user) >= seconds).then_some(()));
}

/// Waits until nobody uses the GPU, and both the store and the monitoring system have known all of it for a while. The moment,
/// in Unix milliseconds, and the seconds of both users.
fn quiet(host: &Host, agent: &Agent, monitor: &Monitor) -> (u64, [f64; 2]) {
    host.used_by(&[]);
    eventually("a free GPU", || {
        let gpu = agent.get("/api/v1/snapshot").json()["gpus"][0].clone();
        (gpu["use"]["verdict"] == "free").then_some(())
    });
    let seconds = [&host.names[0], &host.names[1]].map(|user| {
        let all = eventually("the flush", || {
            let all = counted(agent, user);
            ((exported(agent, user) - all).abs() < 1e-3).then_some(all)
        });
        if all > 0.0 {
            eventually("the scrape", || {
                let earlier = format!("max(nvsmi_user_gpu_seconds_total{{user='{user}'}} offset {STABLE})");
                monitor.values(&earlier).first().is_some_and(|scraped| (scraped - all).abs() < 1e-3).then_some(())
            });
        }
        all
    });
    (unix_ms(), seconds)
}

fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// Plays the host: two moments without use, and the seconds that each user had until then.
fn played(host: &Host, first: Agent, monitor: &Monitor) -> [(u64, [f64; 2]); 2] {
    let (long, port) = (&host.names[0], first.address().port());
    host.used_by(&[&host.long]);
    until_counted(&first, long, 2.0);
    let begin = quiet(host, &first, monitor);
    host.used_by(&[&host.long]);
    // Killed between two flushes: what was counted since the last one is lost, and was never exported.
    until_counted(&first, long, 4.0);
    eventually("use that is not yet on disk", || (counted(&first, long) > exported(&first, long) + 0.3).then_some(()));
    let shown = exported(&first, long);
    drop(first);
    let second = host.start().serve_on(port).ready();
    eventually("the series", || (exported(&second, long) >= shown).then_some(()));
    // The monitoring system sees nothing while the use goes on.
    monitor.signal(Signal::SIGSTOP);
    until_counted(&second, long, counted(&second, long) + 3.0);
    monitor.signal(Signal::SIGCONT);
    second.stop();
    let third = host.start().serve_on(port).ready();
    host.used_by(&[&host.short]);
    until_counted(&third, &host.names[1], SHORT_USE.as_secs_f64());
    [begin, quiet(host, &third, monitor)]
}

/// Compares hours by an expression at a moment with the seconds that were counted.
fn check(monitor: &Monitor, expression: &str, at: u64, host: &Host, [(_, before), (_, after)]: [(u64, [f64; 2]); 2]) {
    let found = monitor.query_at(expression, at);
    for (position, user) in host.names.iter().enumerate() {
        let seconds = after[position] - before[position];
        let series = found.iter().find(|series| series["metric"]["user"] == user.as_str());
        let value = series.and_then(|series| series["value"][1].as_str()?.parse::<f64>().ok());
        let value = value.unwrap_or_else(|| panic!("{expression} has nothing of {user}: {found:?}")) * 3600.0;
        assert!((value - seconds).abs() <= 0.01 * seconds, "{expression}: {value} s of {user}, counted {seconds}");
    }
    assert!(after[1] >= SHORT_USE.as_secs_f64() && after[0] >= before[0] + 3.0, "{before:?} {after:?}");
}

/// No fall in any exported counter, by the monitoring system's own count, and no user but those of the host: a new one is not
/// counted under its uid until its name is known.
fn check_series(monitor: &Monitor) {
    let users = monitor.query("group by (user) (last_over_time(nvsmi_user_gpu_seconds_total[5m]))");
    let mut users: Vec<&str> = users.iter().filter_map(|series| series["metric"]["user"].as_str()).collect();
    users.sort_unstable();
    assert_eq!(users, ["daemon", "root"]);
    for counter in ["gpu_seconds", "busy_gpu_seconds", "idle_gpu_seconds", "energy_joules"] {
        let falls = monitor.values(&format!("resets(nvsmi_user_{counter}_total[5m])"));
        assert!(falls.len() >= 2 && falls.iter().all(|falls| *falls == 0.0), "{counter}: {falls:?}");
    }
}

#[test]
fn gpu_hours_of_rules_on_prometheus_are_those_of_usage() {
    // Only root can start a process of another account.
    if !nix::unistd::getuid().is_root() {
        return;
    }
    let host = Host::new();
    let agent = host.start().serve().ready();
    // While it is played nothing is older than the window.
    let rules = rules(&host.driver, 600);
    let monitor = Monitor::prometheus(&[Target::new("agent", &agent)], &[rules.as_path()]);
    let [begin, end] = played(&host, agent, &monitor);
    let at = until_window_is_over(&host, &monitor, begin.0);
    check(&monitor, "user:nvsmi_user_gpu_hours:delta30d", at, &host, [begin, end]);
    check(&monitor, &documented(at - begin.0), at, &host, [begin, end]);
    check_series(&monitor);
}

#[test]
fn gpu_hours_from_victoria_metrics_are_those_of_usage() {
    if !nix::unistd::getuid().is_root() {
        return;
    }
    let host = Host::new();
    let agent = host.start().serve().ready();
    let monitor = Monitor::victoria(&[Target::new("agent", &agent)]);
    let [begin, end] = played(&host, agent, &monitor);
    check(&monitor, &documented(end.0 - begin.0), end.0, &host, [begin, end]);
    check_series(&monitor);
}
