//! Instructions by callgrind: of a tick on either side of the pipe, and of a request of each kind. They do not depend on
//! what else the machine does, so that a bound can be put on them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use clap::Args;
use collector::Settings;
use telemetry::frame::{self, Message};

use crate::{
    Outcome,
    agent::NAME,
    host::Host,
    places::{built, installed, repository},
    table::{markdown, number},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Write what is counted into bench/counts.toml instead
    #[arg(long)]
    renew: bool,
}

/// Ticks and requests that are counted, and how many of each.
const COUNTED: [(&str, usize); 10] = [
    ("unseen", 20),
    ("seen", 20),
    ("/count", 500),
    ("/status", 500),
    ("/status?idx=3&process=C", 500),
    ("/api/v1/snapshot", 100),
    ("/api/v1/snapshot+gzip", 100),
    ("/metrics", 100),
    ("/metrics+gzip", 100),
    ("/api/v1/history?metric=power.draw_watts&gpu=0", 100),
];
/// The collector's tick. A tenth of what is slow comes with each, so that ten are one round.
const COLLECTOR: &str = "collector";
const FEW: usize = 10;
const MANY: usize = 30;
/// What a count may be over its bound, in parts of it: addresses and hash seeds differ from run to run, and the C library's
/// routines from processor to processor.
const SLACK: f64 = 0.10;

const HEAD: &str = "# Instructions of one tick or one request, by callgrind: 8 GPUs, 50 processes, release build. `make counts` holds what is\n\
                    # counted against these; `target/release/bench counts --renew` writes them anew.\n";

pub(crate) fn run(options: &Options) -> Outcome {
    let host = Host::new(8, 50, 0)?;
    let frames = host.folder().join("frames");
    record(&host, &frames)?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let once = |what: &str, times: usize| -> Outcome<u64> {
        let out = host.folder().join("callgrind");
        let mut command = callgrind(&out)?;
        let status = command.arg(built("work")?).arg(&frames).args([what, &times.to_string()]).status()?;
        if !status.success() {
            return Err(format!("work {what} ended with {status}").into());
        }
        instructions(&out, None)
    };
    for (what, times) in COUNTED {
        let (few, many) = (once(what, times / 10)?, once(what, times)?);
        counts.insert(what.into(), many.saturating_sub(few) / (times - times / 10) as u64);
    }
    let (few, many) = (collector(&host, FEW)?, collector(&host, MANY)?);
    counts.insert(COLLECTOR.into(), many.saturating_sub(few) / (MANY - FEW) as u64);
    let file = repository("bench/counts.toml");
    if options.renew {
        let mut text = HEAD.to_owned();
        for (what, count) in &counts {
            writeln!(text, "{what:?} = {count}")?;
        }
        return Ok(fs::write(file, text)?);
    }
    let bounds: BTreeMap<String, u64> = toml::from_str(&fs::read_to_string(&file)?)?;
    hold(&counts, &bounds)
}

/// Holds counts against their bounds, and says all of them.
fn hold(counts: &BTreeMap<String, u64>, bounds: &BTreeMap<String, u64>) -> Outcome {
    let mut over = Vec::new();
    let mut rows = Vec::new();
    for (what, count) in counts {
        let bound = bounds.get(what).copied().unwrap_or(0);
        let ratio = *count as f64 / bound as f64;
        if bound == 0 || ratio > 1.0 + SLACK {
            over.push(what.as_str());
        }
        rows.push(vec![what.clone(), number(*count as f64), number(bound as f64), format!("{ratio:.2}")]);
    }
    print!("{}", markdown(&["instructions of", "counted", "known", "ratio"], &rows));
    if over.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more than {:.0} % over what is known: {}. If it is worth it, write the new counts: target/release/bench counts --renew",
        SLACK * 100.0,
        over.join(", ")
    )
    .into())
}

fn callgrind(out: &Path) -> Outcome<Command> {
    let mut command = Command::new(installed("valgrind")?);
    command.args(["--quiet", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", out.display()));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

fn collect(host: &Host, mut command: Command) -> Outcome<Child> {
    let environment = host.command(Path::new("/"), NAME);
    for (name, value) in environment.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.env(name, value);
    }
    let settings = Settings {
        interval: Duration::from_millis(500),
        resolve_pids: true,
        library: Some(host.library()),
        ..Settings::default()
    };
    command.arg("collect").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    settings.write(child.stdin.as_mut().ok_or("no input")?)?;
    Ok(child)
}

/// Writes to standard output the settings of a collector that reads this library ten times a second, for
/// `scripts/memcheck`.
pub(crate) fn write_settings(library: &Path) -> Outcome {
    let settings = Settings {
        interval: Duration::from_millis(100),
        resolve_pids: true,
        library: Some(library.to_owned()),
        ..Settings::default()
    };
    Ok(settings.write(&mut io::stdout())?)
}

/// Reads so many samples of GPUs, and then lets the collector go.
fn samples(mut child: Child, count: usize, from: &mut impl Read) -> Outcome {
    let mut seen = 0;
    while seen < count {
        match frame::read(from)? {
            Some(Message::Sample(sample)) if !sample.gpus.is_empty() => seen += 1,
            Some(_) => {}
            None => return Err("the collector ended".into()),
        }
    }
    drop(child.stdin.take());
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("the collector ended with {status}").into()) }
}

/// Keeps the frames of a real collector, for ticks to take in.
fn record(host: &Host, to: &Path) -> Outcome {
    let mut child = collect(host, Command::new(built("nvidia-smi-web-agent")?))?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut copied = Vec::new();
    samples(child, 24, &mut Copying { from: BufReader::new(output), to: &mut copied })?;
    Ok(fs::write(to, copied)?)
}

/// Reads, and keeps what it has read.
struct Copying<'a, R> {
    from: R,
    to: &'a mut Vec<u8>,
}

impl<R: Read> Read for Copying<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.to.extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

/// The instructions of a collector that has told of its GPUs so often, those of the simulated driver left out.
fn collector(host: &Host, count: usize) -> Outcome<u64> {
    let out = host.folder().join("callgrind");
    let mut command = callgrind(&out)?;
    command.arg(built("nvidia-smi-web-agent")?);
    let mut child = collect(host, command)?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
    samples(child, count, &mut output)?;
    // What comes after the last that was waited for.
    thread::spawn(move || io::copy(&mut output, &mut io::sink()));
    instructions(&out, Some("libnvidia-ml"))
}

/// All instructions in callgrind's file, but for those in an object whose name holds that.
fn instructions(file: &Path, but: Option<&str>) -> Outcome<u64> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(counted(&text, but))
}

/// A line of a cost begins with a position and ends with the count; the line after `calls=` has what was called, which stands
/// elsewhere too. A name stands for an object the first time with its number, and after that the number alone does.
fn counted(text: &str, but: Option<&str>) -> u64 {
    let mut left_out: Vec<&str> = Vec::new();
    let (mut sum, mut counts, mut of_call) = (0_u64, true, false);
    for line in text.lines() {
        if let Some(object) = line.strip_prefix("ob=").or_else(|| line.strip_prefix("cob=")) {
            let (number, name) = object.split_once(' ').unwrap_or((object, ""));
            if but.is_some_and(|but| name.contains(but)) {
                left_out.push(number);
            }
            // The other is that of what is called from here.
            if line.starts_with("ob=") {
                counts = !left_out.contains(&number);
            }
        } else if line.starts_with("calls=") {
            of_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '*')) {
            let own = !std::mem::take(&mut of_call);
            if own && counts {
                sum += line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_exclude_those_of_objects() {
        let text = "events: Ir\nob=(1) /usr/bin/agent\nfn=(1) main\n16 400\ncob=(2) /tmp/libnvidia-ml.so.1\ncfn=(2)\n\
                    calls=1 50\n16 300\n+1 7\n\nob=(2)\nfn=(2) nvmlInit\n50 300\n\nob=(1)\nfn=(3)\n* 5\n";
        assert_eq!(counted(text, None), 712);
        assert_eq!(counted(text, Some("libnvidia-ml")), 412);
    }
}
