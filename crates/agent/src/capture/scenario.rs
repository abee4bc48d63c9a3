//! A capture as a scenario of the simulated driver, with the keys of `crates/fake-nvml/src/scenario/`.
//!
//! The document is written line by line, because each line has the call's duration as a comment, which `toml` does not
//! write; its values come from `toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use nix::sys::signal::Signal;
use telemetry::{
    capture::{About, Field, Item, Outcome, Record},
    sample::Call,
};

use super::{
    CaptureEnd,
    value::{Code, FieldValue, Items, ListValue, MetricValue, inline, key},
};

/// Counters (`NVML_FI_DEV_NVLINK_THROUGHPUT_*`, `NVML_FI_DEV_PCIE_COUNT_*`). Their rate comes from two readings, and a
/// playback with constant values would show idle links.
const COUNTERS: [u32; 6] = [138, 139, 140, 141, 197, 198];
/// `NVML_ERROR_TIMEOUT`.
const TIMEOUT: u32 = 10;
/// `nvmlEventTypeXidCriticalError`.
const XID: u64 = 8;

const HEAD: &str = "\
# A driver's answers to every function that nvidia-smi-web-agent calls, with return codes and values, as a scenario of
# the simulated driver. UUIDs, serial numbers and PIDs are replaced consistently; users, commands and the host's name
# were not read. The microseconds are the duration of a call.
";

/// Writes the whole scenario.
pub(super) fn write(records: &[Record], end: &CaptureEnd) -> String {
    let mut tables = Tables::default();
    records.iter().for_each(|record| tables.add(record));
    let partial = if *end == CaptureEnd::Complete { "" } else { "PARTIAL, " };
    let mut text = format!("{HEAD}# Captured by version {}: {partial}{end}.\n", env!("CARGO_PKG_VERSION"));
    if let Some(code) = tables.init {
        line(&mut text, "init", &code.to_string(), None);
    }
    if !tables.missing.is_empty() {
        let missing: Vec<String> = tables.missing.iter().map(|name| format!("    {},\n", inline(name))).collect();
        line(&mut text, "missing", &format!("[\n{}]", missing.concat()), None);
    }
    let gpus = tables.parts.keys().filter_map(|about| about.gpu()).max().map_or(0, |last| last + 1);
    tables.part(About::Driver).write(&mut text, "");
    for gpu in 0..gpus {
        text.push_str("\n[[gpu]]\n");
        tables.part(About::Gpu(gpu)).write(&mut text, "gpu.");
        let places: Vec<u32> = tables.parts.keys().filter_map(|about| place_of(about, gpu)).collect();
        for place in places {
            write!(text, "\n[[gpu.mig]]\nplace = {place}\n").unwrap_or_default();
            tables.part(About::Instance { gpu, place }).write(&mut text, "gpu.mig.");
        }
    }
    latencies(&mut text, records);
    faults(&mut text, records, end, gpus);
    text
}

fn place_of(about: &About, of: u32) -> Option<u32> {
    match about {
        About::Instance { gpu, place } if *gpu == of => Some(*place),
        _ => None,
    }
}

/// Tables of a scenario, filled record by record.
#[derive(Default)]
struct Tables {
    init: Option<u32>,
    missing: BTreeSet<String>,
    parts: BTreeMap<About, Part>,
}

/// Tables of the driver, a GPU or a MIG instance. Each keeps its keys in the order of the calls.
#[derive(Default)]
struct Part {
    answers: Table,
    errors: Table,
    fields: Table,
    /// None if the driver takes no samples.
    metrics: Option<Table>,
    /// GPU instance of a MIG instance.
    gpu_instance: Option<u64>,
    /// Xid errors; none if no events were registered.
    xids: Option<Vec<u64>>,
    /// First values of the counters, with their times, by key.
    first: BTreeMap<String, (Field, u64)>,
}

#[derive(Default)]
struct Table(Vec<(String, String, Option<u64>)>);

impl Table {
    /// Sets a key, replacing an earlier answer.
    fn set(&mut self, key: String, value: String, took_us: Option<u64>) {
        match self.0.iter_mut().find(|(known, ..)| *known == key) {
            Some(row) => *row = (key, value, took_us),
            None => self.0.push((key, value, took_us)),
        }
    }

    fn write(&self, text: &mut String, name: &str) {
        if !self.0.is_empty() {
            write!(text, "\n[{name}]\n").unwrap_or_default();
        }
        self.0.iter().for_each(|(key, value, took_us)| line(text, key, value, *took_us));
    }
}

fn line(text: &mut String, key: &str, value: &str, took_us: Option<u64>) {
    match took_us {
        Some(took_us) => writeln!(text, "{key} = {value} # {took_us} µs"),
        None => writeln!(text, "{key} = {value}"),
    }
    // Writing to a string does not fail.
    .unwrap_or_default();
}

impl Tables {
    fn part(&mut self, about: About) -> &mut Part {
        self.parts.entry(about).or_default()
    }

    fn add(&mut self, record: &Record) {
        let key = key(&record.function, &record.with);
        let (function, took) = (record.function.as_str(), Some(record.took_us));
        if matches!(record.outcome, Outcome::Missing) {
            self.missing.insert(function.into());
            return;
        }
        if let (Outcome::Code(code), "nvmlInit_v2" | "dlopen") = (&record.outcome, function) {
            self.init = Some(*code);
            return;
        }
        let part = self.part(record.about);
        match &record.outcome {
            Outcome::Missing => {}
            Outcome::Code(code) => match function {
                // Its own arguments name no GPU or instance.
                "nvmlGpmMetricsGet" | "nvmlGpmMigSampleGet" => part.errors.set(key, code.to_string(), None),
                // A timeout without an event is no error.
                "nvmlEventSetWait_v2" if *code == TIMEOUT => {}
                "nvmlEventSetWait_v2" => part.answers.set(function.into(), inline(&Code { code: *code }), took),
                _ => part.answers.set(key, inline(&Code { code: *code }), took),
            },
            Outcome::Told(items) => part.values(record, items, key),
            Outcome::Listed(list) => part.answers.set(key, inline(&ListValue::from(list)), took),
            Outcome::Fields(fields) => fields.iter().for_each(|field| part.field(record, field)),
            Outcome::Metrics(metrics) => {
                let table = part.metrics.get_or_insert_default();
                metrics.iter().for_each(|metric| {
                    table.set(metric.id.to_string(), inline(&MetricValue::from(metric)), None);
                });
            }
            Outcome::Handle { null: true } => part.answers.set(key, "0".into(), took),
            Outcome::Handle { null: false } => {
                // The instance exists, even if no call about it succeeds.
                if let (About::Gpu(gpu), [place]) = (record.about, record.with.as_slice()) {
                    let place = u32::try_from(*place).unwrap_or(u32::MAX);
                    self.part(About::Instance { gpu, place });
                }
            }
        }
    }
}

impl Part {
    fn values(&mut self, record: &Record, items: &[Item], key: String) {
        match (record.function.as_str(), items) {
            ("nvmlDeviceRegisterEvents", _) => {
                self.xids.get_or_insert_default();
            }
            ("nvmlGpmSampleGet" | "nvmlGpmMigSampleGet", _) => {
                self.metrics.get_or_insert_default();
            }
            ("nvmlEventSetWait_v2", [Item::Word(kind), Item::Word(code)]) if kind & XID != 0 => {
                self.xids.get_or_insert_default().push(*code);
            }
            // No values to play back; the simulated driver writes none either.
            ("nvmlEventSetWait_v2", _) | (_, []) => {}
            (function, items) => {
                if let ("nvmlDeviceGetGpuInstanceId", [Item::Word(id)]) = (function, items) {
                    self.gpu_instance = Some(*id);
                }
                self.answers.set(key, inline(&Items(items)), Some(record.took_us));
            }
        }
    }

    fn field(&mut self, record: &Record, field: &Field) {
        let key = inline(&format!("{}:{}", field.id, field.scope));
        let counts = COUNTERS.contains(&field.id) && field.code == 0;
        let first = self.first.entry(key.clone()).or_insert((*field, record.at_us));
        let moved = field.bits.checked_sub(first.0.bits).filter(|moved| counts && *moved > 0 && first.0.code == 0);
        let value = match moved {
            Some(moved) => {
                let elapsed_us = record.at_us.saturating_sub(first.1).max(1);
                #[allow(clippy::cast_precision_loss, reason = "a rate")]
                let per_s = (moved as f64 * 1e6 / elapsed_us as f64).round();
                inline(&FieldValue::counter(&first.0, per_s))
            }
            None => inline(&FieldValue::from(field)),
        };
        self.fields.set(key, value, Some(record.took_us));
    }

    fn write(&self, text: &mut String, prefix: &str) {
        if let Some(xids) = &self.xids {
            let xids: Vec<String> = xids.iter().map(|code| format!("{{ after_s = 1, code = {code} }}")).collect();
            line(text, "xids", &format!("[{}]", xids.join(", ")), None);
        }
        if let Some(id) = self.gpu_instance {
            line(text, "gpu_instance", &id.to_string(), None);
        }
        self.answers.write(text, &format!("{prefix}answers"));
        self.errors.write(text, &format!("{prefix}errors"));
        self.fields.write(text, &format!("{prefix}fields"));
        if let Some(metrics) = &self.metrics {
            if metrics.0.is_empty() {
                write!(text, "\n[{prefix}gpm]\n").unwrap_or_default();
            }
            metrics.write(text, &format!("{prefix}gpm"));
        }
    }
}

/// Writes a capture's failure as a fault of its playback, after as many calls as succeeded.
fn faults(text: &mut String, records: &[Record], end: &CaptureEnd, gpus: u32) {
    let (calls, effect): (Vec<&Call>, &str) = match end {
        CaptureEnd::Complete => return,
        CaptureEnd::TimedOut { calls, .. } => {
            (calls.iter().filter(|pending| pending.hangs()).map(|pending| &pending.call).collect(), "hang = true")
        }
        CaptureEnd::Crashed { signal, call, .. } => {
            let aborted = *signal == Some(Signal::SIGABRT as i32);
            (call.iter().collect(), if aborted { "crash = \"abort\"" } else { "crash = \"segv\"" })
        }
    };
    for call in calls.iter().filter(|call| call.function.starts_with("nvml")) {
        write!(text, "\n[[fault]]\nfunction = {}\n", inline(&call.function)).unwrap_or_default();
        if let Some(gpu) = call.gpu.filter(|gpu| *gpu < gpus) {
            writeln!(text, "gpu = {gpu}").unwrap_or_default();
        }
        let succeeded = |record: &&Record| record.function == call.function && record.about.gpu() == call.gpu;
        writeln!(text, "after_calls = {}\n{effect}", records.iter().filter(succeeded).count()).unwrap_or_default();
    }
}

/// Duration in microseconds from which a call is slow in the playback too.
const SLOW_US: u64 = 50_000;

/// Writes the longest duration of each slow function, rounded so that it does not depend on the host's load.
fn latencies(text: &mut String, records: &[Record]) {
    let mut slowest: BTreeMap<(Option<u32>, &str), u64> = BTreeMap::new();
    for record in records.iter().filter(|record| record.took_us >= SLOW_US && !waits(&record.function)) {
        let slowest = slowest.entry((record.about.gpu(), &record.function)).or_default();
        *slowest = record.took_us.max(*slowest);
    }
    for ((gpu, function), took_us) in slowest {
        write!(text, "\n[[fault]]\nfunction = {}\n", inline(&function)).unwrap_or_default();
        if let Some(gpu) = gpu {
            writeln!(text, "gpu = {gpu}").unwrap_or_default();
        }
        writeln!(text, "latency_ms = {}", took_us / SLOW_US * SLOW_US / 1000).unwrap_or_default();
    }
}

/// Checks for a function that is meant to wait.
fn waits(function: &str) -> bool {
    function.starts_with("nvmlEventSetWait")
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::capture::List;

    fn record(function: &str, about: About, outcome: Outcome, at_us: u64) -> Record {
        Record { function: function.into(), about, with: Vec::new(), outcome, at_us, took_us: 7 }
    }

    fn lines(records: &[Record]) -> Vec<String> {
        let text = write(records, &CaptureEnd::Complete);
        text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn counter_continues_at_its_rate() {
        let field = |id, bits| Outcome::Fields(vec![Field { id, scope: 0, code: 0, kind: 3, bits }]);
        let gpu = About::Gpu(0);
        let read = |id, bits, at_us| record("nvmlDeviceGetFieldValues", gpu, field(id, bits), at_us);
        let records = [read(197, 1000, 0), read(82, 40, 0), read(197, 5000, 2_000_000), read(82, 41, 2_000_000)];
        let expected = [
            "[[gpu]]",
            "[gpu.fields]",
            "\"197:0\" = { value = { count_from = 1000, per_s = 2000.0 }, type = 3 } # 7 µs",
            "\"82:0\" = { value = 41, type = 3 } # 7 µs",
        ];
        assert_eq!(lines(&records), expected);
    }

    #[test]
    fn non_answers_are_separate() {
        let gpu = About::Gpu(1);
        let mut place = record("nvmlDeviceGetMigDeviceHandleByIndex", gpu, Outcome::Handle { null: false }, 0);
        place.with = vec![4];
        let records = [
            record("nvmlInit_v2", About::Driver, Outcome::Told(vec![]), 0),
            record("nvmlDeviceGetJpgUtilization", About::Driver, Outcome::Missing, 0),
            record("nvmlDeviceGetHandleByIndex_v2", About::Gpu(0), Outcome::Handle { null: true }, 0),
            record("nvmlDeviceRegisterEvents", gpu, Outcome::Told(vec![]), 0),
            record("nvmlEventSetWait_v2", About::Driver, Outcome::Code(10), 0),
            record("nvmlEventSetWait_v2", gpu, Outcome::Told(vec![Item::Word(8), Item::Word(79)]), 0),
            record("nvmlGpmSampleGet", gpu, Outcome::Told(vec![]), 0),
            record("nvmlGpmMetricsGet", gpu, Outcome::Code(999), 0),
            place,
            record(
                "nvmlDeviceGetProcessUtilization",
                About::Instance { gpu: 1, place: 4 },
                Outcome::Listed(List::Unknown { count: 1, written: 8 }),
                0,
            ),
        ];
        let expected = [
            "missing = [",
            "    \"nvmlDeviceGetJpgUtilization\",",
            "]",
            "[[gpu]]",
            "[gpu.answers]",
            "nvmlDeviceGetHandleByIndex_v2 = 0 # 7 µs",
            "[[gpu]]",
            "xids = [{ after_s = 1, code = 79 }]",
            "[gpu.errors]",
            "nvmlGpmMetricsGet = 999",
            "[gpu.gpm]",
            "[[gpu.mig]]",
            "place = 4",
            "[gpu.mig.answers]",
            "nvmlDeviceGetProcessUtilization = { count = 1, written = 8 } # 7 µs",
        ];
        assert_eq!(lines(&records), expected);
    }
}
