//! Injection of each fault, and its duration. [`Host::heal`] removes it.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    contract::{self, Answer},
    fault::Fault,
    host::{Host, wait},
    scenario::Scenario,
    support::StandIn,
};

/// Longer than any wait for the next collector, and the time that it takes to say that it cannot read the driver.
const NEXT: Duration = Duration::from_secs(50);
/// A hang of this long leaves values that are too old to be shown.
const EXPIRED: Duration = Duration::from_secs(70);

/// Brings a fault about, and comes back when it has lasted.
pub(crate) fn inject(fault: &Fault, host: &Host, lasts: Duration) -> Result<(), String> {
    let before = host.ended();
    let log = host.agent.log().len();
    let collector = host.collector();
    let mut scenario = host.scenario();
    write(fault, &mut scenario);
    match fault {
        Fault::ScenarioBroken { text } => host.driver.play(text),
        Fault::ScenarioRemoved => fs::remove_file(host.driver.scenario()).map_err(|error| error.to_string())?,
        Fault::LibraryRemoved => host.remove_library()?,
        Fault::LibraryReplaced => host.driver.install(&[]),
        _ => host.driver.play(&scenario.text()),
    }
    match fault {
        Fault::LongHang { gpu } => {
            let row = format!("/status?idx={gpu}");
            return wait(EXPIRED, "values that are not shown any more", || match data(host, &row)? {
                data if data["devices"][0]["temperature"] == "N/A" => Ok(()),
                data => Err(data.to_string()),
            });
        }
        Fault::Killed => return replaced(host, before, 1, Signal::SIGKILL),
        // It is noticed, and a fresh collector loads it.
        Fault::LibraryReplaced => return another(host, collector),
        Fault::InitHangs => {
            replaced(host, before, 1, Signal::SIGKILL)?;
            wait(NEXT, "the next collector", || host.collector().map(drop).ok_or_else(|| "there is none".into()))?;
        }
        Fault::Stopped => return replaced(host, before, 1, Signal::SIGSTOP),
        Fault::StoppedBriefly => {
            host.signal(Signal::SIGSTOP)?;
            thread::sleep(lasts);
            return host.signal(Signal::SIGCONT);
        }
        Fault::InitFails { .. } | Fault::LibraryRemoved => {
            host.signal(Signal::SIGKILL)?;
            unreadable(host)?;
        }
        Fault::Gone { .. } => unreadable(host)?,
        Fault::Crash { times, .. } => return ended(host, before, *times as usize),
        Fault::Stray { what: (reason, _) } => {
            return wait(NEXT, reason, || {
                let said = host.agent.log().get(log..).is_some_and(|news| news.contains(reason));
                if said { Ok(()) } else { Err("it is not in the log".into()) }
            });
        }
        Fault::Churn { gpu } => return churn(host, *gpu, lasts),
        _ => {}
    }
    thread::sleep(lasts);
    Ok(())
}

/// A fault's form in the scenario.
fn write(fault: &Fault, scenario: &mut Scenario) {
    match fault {
        Fault::Hang { gpu, function } => scenario.fault(function, *gpu, "hang = true"),
        Fault::LongHang { gpu } => scenario.fault("*", Some(*gpu), "hang = true"),
        Fault::Slow { gpu, function, milliseconds } => {
            scenario.fault(function, *gpu, &format!("latency_ms = {milliseconds}"));
        }
        Fault::Code { gpu, function, code } => scenario.fault(function, *gpu, &format!("code = {code}")),
        Fault::Garbage { gpu, function } => scenario.fault(function, Some(*gpu), "garbage = true"),
        Fault::Implausible { gpu, line } => {
            scenario.odd[*gpu] += line;
            scenario.odd[*gpu].push('\n');
        }
        Fault::Panic { gpu, function } => scenario.fault(function, Some(*gpu), "crash = 'panic'"),
        Fault::Shrink { to } | Fault::Grow { to } => scenario.count = *to,
        Fault::CountFails { code } => scenario.top += &format!("count_error = {code}\n"),
        Fault::Gone { code } => {
            scenario.top += &format!("count_error = 999\ninit = {code}\nerrors = {{ '*' = 999 }}\n");
        }
        Fault::InitFails { code } => scenario.top += &format!("init = {code}\n"),
        Fault::InitHangs => scenario.top += "init_hang = true\n",
        Fault::Crash { gpu, function, how, after, .. } => {
            scenario.fault(function, *gpu, &format!("after_calls = {after}\n{how}"));
        }
        Fault::Layout { bytes } => scenario.layout = *bytes,
        Fault::Race { gpu, times } => {
            let what = format!("insufficient_size_times = {times}");
            scenario.fault("nvmlDeviceGetComputeRunningProcesses_v3", Some(*gpu), &what);
            scenario.fault("nvmlDeviceGetGraphicsRunningProcesses_v3", Some(*gpu), &what);
        }
        Fault::Impossible { gpu } => {
            for pid in [0, 4_194_305, u32::MAX] {
                scenario.process(*gpu, &format!("pid = {pid}\ntype = 'C+G'"));
            }
        }
        Fault::Crowd { gpu } => scenario.process(*gpu, "first_pid = 2000000\ncount = 10000\nmemory_bytes = 1048576"),
        Fault::Prints => stray(scenario, "stdout", b"NVRM: Xid 79\n"),
        Fault::Stray { what: (_, bytes) } => stray(scenario, "pipes", bytes),
        Fault::Two(both) => both.iter().for_each(|fault| write(fault, scenario)),
        Fault::Killed
        | Fault::Stopped
        | Fault::StoppedBriefly
        | Fault::Churn { .. }
        | Fault::LibraryReplaced
        | Fault::LibraryRemoved
        | Fault::ScenarioBroken { .. }
        | Fault::ScenarioRemoved => {}
    }
}

fn stray(scenario: &mut Scenario, to: &str, bytes: &[u8]) {
    let what = format!("times = 1\nwrite = {{ to = '{to}', bytes = {bytes:?} }}");
    scenario.fault("nvmlDeviceGetFanSpeed", Some(0), &what);
}

/// Sends the collector a signal and waits until the agent has noticed that it ended.
fn replaced(host: &Host, before: usize, times: usize, signal: Signal) -> Result<(), String> {
    host.signal(signal)?;
    ended(host, before, times)
}

fn ended(host: &Host, before: usize, times: usize) -> Result<(), String> {
    wait(NEXT * u32::try_from(times).unwrap_or(1), "collectors to end", || {
        let ended = host.ended() - before;
        if ended >= times { Ok(()) } else { Err(format!("{ended} of {times}")) }
    })
}

fn another(host: &Host, before: Option<u32>) -> Result<(), String> {
    wait(NEXT, "another collector", || match host.collector() {
        now if now.is_some() && now != before => Ok(()),
        now => Err(format!("{now:?} after {before:?}")),
    })
}

fn unreadable(host: &Host) -> Result<(), String> {
    wait(NEXT, "the driver's words", || match contract::envelope(&host.agent.get("/count"))? {
        Answer::Failure(..) => Ok(()),
        Answer::Data(data) => Err(format!("it answers {data}")),
    })
}

fn data(host: &Host, path: &str) -> Result<serde_json::Value, String> {
    match contract::envelope(&host.agent.get(path))? {
        Answer::Data(data) => Ok(data),
        Answer::Failure(.., text) => Err(text),
    }
}

/// Processes that come, are listed, and are gone while they are.
fn churn(host: &Host, gpu: usize, lasts: Duration) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < lasts {
        let crowd: Vec<StandIn> = (0..6).map(|number| StandIn::start(&["python", &number.to_string()])).collect();
        let mut scenario = host.scenario();
        for process in &crowd {
            scenario.process(gpu, &format!("pid = {}\ntype = 'G'", process.pid()));
        }
        host.driver.play(&scenario.text());
        let path = format!("/status?idx={gpu}");
        let pids: Vec<u32> = crowd.iter().map(StandIn::pid).collect();
        let lists = |wanted: u32| {
            let data = data(host, &path)?;
            let found = data["processes"].as_array().into_iter().flatten().any(|row| row["pid"] == wanted);
            if found { Ok(()) } else { Err(data.to_string()) }
        };
        pids.iter().try_for_each(|pid| wait(NEXT, "a process to be listed", || lists(*pid)))?;
        drop(crowd);
        pids.iter().try_for_each(|pid| wait(NEXT, "a vanished process's row", || lists(*pid)))?;
    }
    Ok(())
}
