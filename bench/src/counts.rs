//! Instructions per tick of collector and agent, and per request, counted by callgrind. They do not depend on the load of the
//! machine, so that they can have bounds.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
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
    /// Write the counts to bench/counts.toml instead of comparing them
    #[arg(long)]
    renew: bool,
    /// Compare with another build, given by the folder of its release binaries
    ///
    /// Its own `bench counts` runs there, because recorded frames and settings differ between builds.
    #[arg(long, value_name = "FOLDER", conflicts_with = "renew")]
    beside: Option<PathBuf>,
}

/// Ticks and requests that are counted, and the number of repetitions. `unseen` is a tick of an idle agent, `seen` one after
/// requests for all views.
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
/// Tick of the collector. Each includes a tenth of the slow readings, so that ten ticks read everything.
const COLLECTOR: &str = "collector";
const FEW: usize = 10;
const MANY: usize = 30;
/// Fraction by which a count may exceed its bound, because addresses and hash seeds differ between runs, and routines of the C
/// library between processors.
const TOLERANCE: f64 = 0.10;

const HEAD: &str = "# Instructions per tick or request, counted by callgrind: 8 GPUs, 50 processes, release build. `make counts` compares with\n\
                    # these; `target/release/bench counts --renew` writes them.\n";

pub(crate) fn run(options: &Options) -> Outcome {
    let counts = count()?;
    if let Some(folder) = &options.beside {
        return compare(&counts, folder);
    }
    let file = repository("bench/counts.toml");
    if options.renew {
        let mut text = HEAD.to_owned();
        for (what, count) in &counts {
            writeln!(text, "{what:?} = {count}")?;
        }
        return Ok(fs::write(file, text)?);
    }
    let bounds: BTreeMap<String, u64> = toml::from_str(&fs::read_to_string(&file)?)?;
    check(&counts, &bounds)
}

fn count() -> Outcome<BTreeMap<String, u64>> {
    let host = Host::new(8, 50, 0)?;
    let frames = host.folder().join("frames");
    record(&host, &frames)?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let once = |what: &str, times: usize| -> Outcome<u64> {
        let out = host.folder().join("callgrind");
        let mut command = callgrind(&out)?;
        let status = command.arg(built("work")?).arg(&frames).args([what, &times.to_string()]).status()?;
        if !status.success() {
            return Err(format!("expected success of `work {what}`, got {status}").into());
        }
        instructions(&out, None)
    };
    for (what, times) in COUNTED {
        let (few, many) = (once(what, times / 10)?, once(what, times)?);
        counts.insert(what.into(), many.saturating_sub(few) / (times - times / 10) as u64);
    }
    let (few, many) = (collector(&host, FEW)?, collector(&host, MANY)?);
    counts.insert(COLLECTOR.into(), many.saturating_sub(few) / (MANY - FEW) as u64);
    Ok(counts)
}

/// Runs `bench counts` of another build, and prints its counts next to these.
fn compare(counts: &BTreeMap<String, u64>, folder: &Path) -> Outcome {
    let program = folder.join("bench");
    let output = Command::new(&program).arg("counts").stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    // A failure means that a count exceeds the other build's own bound, and does not matter here.
    let others = printed(&String::from_utf8(output.stdout)?);
    if others.is_empty() {
        return Err(format!("expected a table from `{} counts`, got {}", program.display(), output.status).into());
    }
    let row = |(what, own): (&String, &u64)| {
        let other = others.get(what).copied().unwrap_or(f64::NAN);
        vec![what.clone(), number(*own as f64), number(other), number(*own as f64 / other)]
    };
    let rows: Vec<Vec<String>> = counts.iter().map(row).collect();
    print!("{}", markdown(&["instructions of", "this build", &folder.display().to_string(), "ratio"], &rows));
    Ok(())
}

/// Counts in a table that [`check`] printed.
fn printed(table: &str) -> BTreeMap<String, f64> {
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (what, count) = (cells.next()?, cells.next()?);
        Some((what.to_owned(), count.replace(',', "").parse::<f64>().ok()?))
    };
    table.lines().filter_map(row).collect()
}

/// Compares counts with their bounds, and prints them.
fn check(counts: &BTreeMap<String, u64>, bounds: &BTreeMap<String, u64>) -> Outcome {
    let mut over = Vec::new();
    let mut rows = Vec::new();
    for (what, count) in counts {
        let bound = bounds.get(what).copied().unwrap_or(0);
        let ratio = *count as f64 / bound as f64;
        if bound == 0 || ratio > 1.0 + TOLERANCE {
            over.push(what.as_str());
        }
        rows.push(vec![what.clone(), number(*count as f64), number(bound as f64), format!("{ratio:.2}")]);
    }
    print!("{}", markdown(&["instructions of", "counted", "bound", "ratio"], &rows));
    if over.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more than {:.0} % above the bound: {}. Reduce them, or update the bounds with target/release/bench counts --renew",
        TOLERANCE * 100.0,
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

/// Writes the settings of a collector with an interval of 100 ms to standard output, for `scripts/memcheck`.
pub(crate) fn write_settings(library: &Path) -> Outcome {
    let settings = Settings {
        interval: Duration::from_millis(100),
        resolve_pids: true,
        library: Some(library.to_owned()),
        ..Settings::default()
    };
    Ok(settings.write(&mut io::stdout())?)
}

/// Reads `count` samples with GPUs, and then ends the collector.
fn samples(mut child: Child, count: usize, from: &mut impl Read) -> Outcome {
    let mut seen = 0;
    while seen < count {
        match frame::read(from)? {
            Some(Message::Sample(sample)) if !sample.gpus.is_empty() => seen += 1,
            Some(_) => {}
            None => return Err("expected a sample, got the end of the collector".into()),
        }
    }
    drop(child.stdin.take());
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("expected success of the collector, got {status}").into()) }
}

/// Records frames of a real collector for the ticks of `work`.
fn record(host: &Host, to: &Path) -> Outcome {
    let mut child = collect(host, Command::new(built("nvidia-smi-web-agent")?))?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut copied = Vec::new();
    samples(child, 24, &mut Copying { from: BufReader::new(output), to: &mut copied })?;
    Ok(fs::write(to, copied)?)
}

/// Reader that copies everything it reads.
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

/// Instructions of a collector that wrote `count` samples, without those of the simulated driver.
fn collector(host: &Host, count: usize) -> Outcome<u64> {
    let out = host.folder().join("callgrind");
    let mut command = callgrind(&out)?;
    command.arg(built("nvidia-smi-web-agent")?);
    let mut child = collect(host, command)?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
    samples(child, count, &mut output)?;
    // Discards the samples after the last one.
    thread::spawn(move || io::copy(&mut output, &mut io::sink()));
    instructions(&out, Some("libnvidia-ml"))
}

/// Instructions in callgrind's file, except those of objects whose name contains `except`.
fn instructions(file: &Path, except: Option<&str>) -> Outcome<u64> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(counted(&text, except))
}

/// Sum of the costs in a callgrind file. A cost line starts with a position and ends with the count; the line after `calls=`
/// is the cost of the called function, which is listed there as well. An object has its name only at its first occurrence,
/// and afterwards only its number.
fn counted(text: &str, except: Option<&str>) -> u64 {
    let mut excluded: Vec<&str> = Vec::new();
    let (mut sum, mut counts, mut of_call) = (0_u64, true, false);
    for line in text.lines() {
        if let Some(object) = line.strip_prefix("ob=").or_else(|| line.strip_prefix("cob=")) {
            let (number, name) = object.split_once(' ').unwrap_or((object, ""));
            if except.is_some_and(|except| name.contains(except)) {
                excluded.push(number);
            }
            // `cob=` is the object of the called function.
            if line.starts_with("ob=") {
                counts = !excluded.contains(&number);
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
    fn printed_counts_are_read_back() {
        let rows = [vec!["/count".into(), number(19_235.0), number(19_000.0), "1.01".into()]];
        let table = markdown(&["instructions of", "counted", "bound", "ratio"], &rows);
        assert_eq!(printed(&table), BTreeMap::from([("/count".to_owned(), 19_235.0)]));
    }

    #[test]
    fn instructions_exclude_those_of_objects() {
        let text = "events: Ir\nob=(1) /usr/bin/agent\nfn=(1) main\n16 400\ncob=(2) /tmp/libnvidia-ml.so.1\ncfn=(2)\n\
                    calls=1 50\n16 300\n+1 7\n\nob=(2)\nfn=(2) nvmlInit\n50 300\n\nob=(1)\nfn=(3)\n* 5\n";
        assert_eq!(counted(text, None), 712);
        assert_eq!(counted(text, Some("libnvidia-ml")), 412);
    }
}
