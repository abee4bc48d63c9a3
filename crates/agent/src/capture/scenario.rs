//! A capture as a scenario of the simulated driver: its keys are those of `crates/fake-nvml/src/scenario/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use telemetry::capture::{About, Field, Item, Outcome, Record};

use super::{End, faults, toml};

/// Fields that count up (`NVML_FI_DEV_NVLINK_THROUGHPUT_*`, `NVML_FI_DEV_PCIE_COUNT_*`): of them two readings tell how
/// fast, and a playback that stood still would show idle links.
const COUNTERS: [u32; 6] = [138, 139, 140, 141, 197, 198];
/// `NVML_ERROR_TIMEOUT`.
const TIMEOUT: u32 = 10;
/// `nvmlEventTypeXidCriticalError`.
const XID: u64 = 8;

const HEAD: &str = "\
# What a driver answered to every function that nvidia-smi-web-agent reads with: its return code, and what it wrote, as
# a scenario of the simulated driver. UUIDs, serial numbers and PIDs are made up, each the same everywhere; users,
# commands and the host's name were not read. The microseconds are how long a call took.
";

/// The whole scenario.
pub(super) fn write(records: &[Record], end: &End) -> String {
    let mut tables = Tables::default();
    records.iter().for_each(|record| tables.take(record));
    let partial = if *end == End::Whole { "" } else { "PARTIAL, " };
    let mut text = format!("{HEAD}# Captured by version {}: {partial}{end}.\n", env!("CARGO_PKG_VERSION"));
    if let Some(code) = tables.init {
        line(&mut text, "init", &code.to_string(), None);
    }
    if !tables.missing.is_empty() {
        let missing: Vec<String> = tables.missing.iter().map(|name| format!("    {},\n", toml::text(name))).collect();
        line(&mut text, "missing", &format!("[\n{}]", missing.concat()), None);
    }
    let gpus = tables.parts.keys().filter_map(gpu_of).max().map_or(0, |last| last + 1);
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
    faults::latencies(&mut text, records);
    faults::faults(&mut text, records, end, gpus);
    text
}

/// The GPU that a call was about.
pub(super) fn gpu_of(about: &About) -> Option<u32> {
    match about {
        About::Driver => None,
        About::Gpu(gpu) | About::Instance { gpu, .. } => Some(*gpu),
    }
}

fn place_of(about: &About, of: u32) -> Option<u32> {
    match about {
        About::Instance { gpu, place } if *gpu == of => Some(*place),
        _ => None,
    }
}

/// The tables of a scenario, filled record by record.
#[derive(Default)]
struct Tables {
    init: Option<u32>,
    missing: BTreeSet<String>,
    parts: BTreeMap<About, Part>,
}

/// The tables of the driver, a GPU or a MIG instance. In each, keys stand in the order in which they came.
#[derive(Default)]
struct Part {
    answers: Table,
    errors: Table,
    fields: Table,
    /// None where the driver takes no samples.
    metrics: Option<Table>,
    /// Which GPU instance a MIG instance is in.
    gpu_instance: Option<u64>,
    /// None where no events are listened for; then each error.
    xids: Option<Vec<u64>>,
    /// What counters were at first, by their keys.
    first: BTreeMap<String, (Field, u64)>,
}

#[derive(Default)]
struct Table(Vec<(String, String, Option<u64>)>);

impl Table {
    /// Sets a key; the last answer counts.
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
    // A string can always be written to.
    .unwrap_or_default();
}

impl Tables {
    fn part(&mut self, about: About) -> &mut Part {
        self.parts.entry(about).or_default()
    }

    fn take(&mut self, record: &Record) {
        let key = toml::key(&record.function, &record.with);
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
                // The function itself does not say of which GPU or instance it is.
                "nvmlGpmMetricsGet" | "nvmlGpmMigSampleGet" => part.errors.set(key, code.to_string(), None),
                // That nothing happened within the time is as it should be.
                "nvmlEventSetWait_v2" if *code == TIMEOUT => {}
                "nvmlEventSetWait_v2" => part.answers.set(function.into(), toml::code(*code), took),
                _ => part.answers.set(key, toml::code(*code), took),
            },
            Outcome::Told(items) => part.told(record, items, key),
            Outcome::Listed(list) => part.answers.set(key, toml::list(list), took),
            Outcome::Field(field) => part.field(record, field),
            Outcome::Metrics(metrics) => {
                let table = part.metrics.get_or_insert_default();
                metrics.iter().for_each(|told| table.set(told.id.to_string(), toml::metric(told), None));
            }
            Outcome::Handle { null: true } => part.answers.set(key, "0".into(), took),
            Outcome::Handle { null: false } => {
                // The instance is there, even if it says nothing.
                if let (About::Gpu(gpu), [place]) = (record.about, record.with.as_slice()) {
                    let place = u32::try_from(*place).unwrap_or(u32::MAX);
                    self.part(About::Instance { gpu, place });
                }
            }
        }
    }
}

impl Part {
    fn told(&mut self, record: &Record, items: &[Item], key: String) {
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
            // Nothing was written that could be played, and the simulated driver does the same.
            ("nvmlEventSetWait_v2", _) | (_, []) => {}
            (function, items) => {
                if let ("nvmlDeviceGetGpuInstanceId", [Item::Word(id)]) = (function, items) {
                    self.gpu_instance = Some(*id);
                }
                self.answers.set(key, toml::items(items), Some(record.took_us));
            }
        }
    }

    fn field(&mut self, record: &Record, field: &Field) {
        let key = toml::text(&format!("{}:{}", field.id, field.scope));
        let counts = COUNTERS.contains(&field.id) && field.code == 0;
        let first = self.first.entry(key.clone()).or_insert((*field, record.at_us));
        let moved = field.bits.checked_sub(first.0.bits).filter(|moved| counts && *moved > 0 && first.0.code == 0);
        let value = match moved {
            Some(moved) => {
                let elapsed_us = record.at_us.saturating_sub(first.1).max(1);
                #[allow(clippy::cast_precision_loss, reason = "a rate")]
                let per_s = (moved as f64 * 1e6 / elapsed_us as f64).round();
                toml::counter(&first.0, per_s)
            }
            None => toml::field(field),
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

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::capture::List;

    fn record(function: &str, about: About, outcome: Outcome, at_us: u64) -> Record {
        Record { function: function.into(), about, with: Vec::new(), outcome, at_us, took_us: 7 }
    }

    fn lines(records: &[Record]) -> Vec<String> {
        let text = write(records, &End::Whole);
        text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn counter_continues_at_its_rate() {
        let field = |id, bits| Outcome::Field(Field { id, scope: 0, code: 0, kind: 3, bits });
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
