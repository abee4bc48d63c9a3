//! Answers as text with gaps. A gap is filled for each host and reading, so that an answer costs little more than its copy.

use std::fmt::Write as _;

use super::world::{Gpu, Host, STAMP_BITS, Use, World, drawn, write_user};

/// A gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Slot {
    /// Name of the host.
    Hostname,
    /// Time of the reading, Unix time in milliseconds, and in seconds.
    ReadMs,
    ReadSeconds,
    /// Age of the reading in milliseconds.
    AgeMs,
    /// A UUID without its prefix.
    Uuid(u64),
    /// Number of GPUs with this use.
    Count(Use),
    /// A value of a GPU.
    Gpu(usize, Field),
    /// Free memory of a GPU that is not simulated, with the time of the reading in it.
    Stamped(u64),
    /// A value that is not simulated, but changes.
    Varied(f64),
    /// A counter of seconds.
    Rising(f64),
    /// Rows of processes in the original's form.
    Processes,
}

/// A value of a GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Field {
    Name,
    Total,
    Free,
    Used,
    Utilization,
    UtilizationRatio,
    Watts,
    Celsius,
    Use,
    SinceMs,
    SinceSeconds,
    /// List of users.
    Users,
    /// 1 if this is the use, else 0.
    Is(Use),
    /// Values of the original.
    Power,
    TotalMib,
    UsedMib,
    FreeMib,
    UsedPercent,
}

impl Slot {
    /// True if it stays between quotes in JSON.
    const fn is_text(self) -> bool {
        matches!(
            self,
            Self::Hostname
                | Self::Uuid(_)
                | Self::Gpu(
                    _,
                    Field::Name | Field::Use | Field::Power | Field::TotalMib | Field::UsedMib | Field::FreeMib
                )
        )
    }
}

/// Text with gaps.
#[derive(Debug, Default)]
pub(crate) struct Template {
    text: String,
    /// Gaps, with the end of the text before each.
    gaps: Vec<(usize, Slot)>,
}

/// Marks for gaps in a text.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<Slot>);

const BEGIN: &str = "@#";
const END: &str = "#";

impl Marks {
    /// Text in place of a gap.
    pub(crate) fn add(&mut self, slot: Slot) -> String {
        self.0.push(slot);
        format!("{BEGIN}{}{END}", self.0.len() - 1)
    }

    /// Template of a text with marks.
    pub(crate) fn template(&self, marked: &str) -> Template {
        let mut template = Template::default();
        let mut pieces = marked.split(BEGIN);
        template.text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let found = piece
                .split_once(END)
                .and_then(|(number, rest)| Some((self.0.get(number.parse::<usize>().ok()?).copied()?, rest)));
            let Some((slot, mut rest)) = found else {
                template.text.push_str(BEGIN);
                template.text.push_str(piece);
                continue;
            };
            if !slot.is_text() && template.text.ends_with('"') && rest.starts_with('"') {
                template.text.pop();
                rest = &rest[1..];
            }
            template.gaps.push((template.text.len(), slot));
            template.text.push_str(rest);
        }
        template
    }
}

/// A host at a reading.
pub(crate) struct Reading<'a> {
    pub(crate) world: &'a World,
    pub(crate) host: &'a Host,
    /// Time of the reading.
    pub(crate) read_ms: u64,
    /// Time of the reading that its values are from.
    changed_ms: u64,
    pub(crate) now_ms: u64,
    gpus: Vec<Gpu>,
    /// False for a client that may not see users.
    pub(crate) names_users: bool,
    /// Error of the host's clock in milliseconds.
    pub(crate) clock_ms: i64,
    /// True if its GPUs have other names than before.
    pub(crate) is_renamed: bool,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(world: &'a World, host: &'a Host, now_ms: u64) -> Self {
        let changed_ms = host.changed_ms(world, now_ms);
        let gpus = (0..world.gpus).map(|gpu| host.gpu(world, gpu, changed_ms)).collect();
        Self {
            world,
            host,
            read_ms: host.read_ms(now_ms),
            changed_ms,
            now_ms,
            gpus,
            names_users: true,
            clock_ms: 0,
            is_renamed: false,
        }
    }

    /// Appends a template with its gaps filled.
    pub(crate) fn render(&self, template: &Template, to: &mut String) {
        let mut from = 0;
        for (end, slot) in &template.gaps {
            to.push_str(&template.text[from..*end]);
            from = *end;
            self.fill(*slot, to);
        }
        to.push_str(&template.text[from..]);
    }

    fn fill(&self, slot: Slot, to: &mut String) {
        let seconds = |ms: u64| ms as f64 / 1000.0;
        // Writing to a string does not fail.
        let _ = match slot {
            Slot::Hostname => to.write_str(&self.host.name),
            Slot::ReadMs => write!(to, "{}", self.said_ms()),
            Slot::ReadSeconds => write!(to, "{}", seconds(self.said_ms())),
            Slot::AgeMs => write!(to, "{}", self.now_ms.saturating_sub(self.read_ms)),
            Slot::Uuid(number) => self.uuid(number, to),
            Slot::Count(r#use) => write!(to, "{}", self.gpus.iter().filter(|gpu| gpu.r#use == r#use).count()),
            Slot::Gpu(gpu, field) => match self.gpus.get(gpu) {
                Some(gpu) => self.field(gpu, field, to),
                None => to.write_str("null"),
            },
            Slot::Stamped(bytes) => {
                write!(to, "{}", bytes >> STAMP_BITS << STAMP_BITS | self.changed_ms & ((1 << STAMP_BITS) - 1))
            }
            Slot::Varied(value) => {
                let noise = drawn(&[self.world.seed, self.host.number as u64, self.changed_ms, to.len() as u64]) % 100;
                write!(to, "{}", value * (0.9 + noise as f64 / 1000.0))
            }
            Slot::Rising(value) => write!(to, "{}", value + seconds(self.read_ms % (1 << 32))),
            Slot::Processes => self.processes(to),
        };
    }

    /// Time of the reading by the host's clock.
    const fn said_ms(&self) -> u64 {
        self.read_ms.saturating_add_signed(self.clock_ms)
    }

    fn uuid(&self, number: u64, to: &mut String) -> std::fmt::Result {
        let draw = |part| drawn(&[self.world.seed, 8, self.host.number as u64, number, part]);
        let (high, low) = (draw(0), draw(1));
        let (first, second, third) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
        write!(to, "{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
    }

    fn field(&self, gpu: &Gpu, field: Field, to: &mut String) -> std::fmt::Result {
        let used = gpu.total_bytes - gpu.free_bytes;
        match field {
            Field::Name if self.is_renamed => write!(to, "{} v2", self.host.model.name),
            Field::Name => to.write_str(self.host.model.name),
            Field::Total => write!(to, "{}", gpu.total_bytes),
            Field::Free => write!(to, "{}", gpu.free_bytes),
            Field::Used => write!(to, "{used}"),
            Field::Utilization => write!(to, "{}", gpu.utilization),
            Field::UtilizationRatio => write!(to, "{}", gpu.utilization as f64 / 100.0),
            Field::Watts => write!(to, "{}", gpu.milliwatts as f64 / 1000.0),
            Field::Celsius => write!(to, "{}", gpu.celsius),
            Field::Use => to.write_str(gpu.r#use.name()),
            Field::SinceMs => write!(to, "{}", gpu.since_ms),
            Field::SinceSeconds => write!(to, "{}", gpu.since_ms as f64 / 1000.0),
            Field::Users if !self.names_users => to.write_str("null"),
            Field::Users => {
                to.push('[');
                if let Some(user) = gpu.user {
                    to.push('"');
                    write_user(to, user);
                    to.push('"');
                }
                to.write_str("]")
            }
            Field::Is(r#use) => to.write_str(if gpu.r#use == r#use { "1" } else { "0" }),
            Field::Power => write!(to, "{}W / {}W", gpu.milliwatts / 1000, self.host.model.watts),
            Field::TotalMib => write!(to, "{}MiB", gpu.total_bytes >> 20),
            Field::UsedMib => write!(to, "{}MiB", used >> 20),
            Field::FreeMib => write!(to, "{}MiB", gpu.free_bytes >> 20),
            Field::UsedPercent => write!(to, "{}", used * 100 / gpu.total_bytes.max(1)),
        }
    }

    fn processes(&self, to: &mut String) -> std::fmt::Result {
        to.push('[');
        let rows = self.gpus.iter().enumerate().filter_map(|(index, gpu)| Some((index, gpu, gpu.user?)));
        for (position, (index, gpu, user)) in rows.enumerate() {
            let comma = if position > 0 { "," } else { "" };
            write!(to, "{comma}{{\"idx\":{index},\"pid\":{},\"username\":\"", 4000 + index)?;
            write_user(to, user);
            let memory = (gpu.total_bytes - gpu.free_bytes) >> 20;
            write!(to, "\",\"command\":\"python train.py\",\"type\":\"C\",\"gpu_memory\":\"{memory}MiB\",")?;
            to.push_str("\"running_time\":\"00:10:00\"}");
        }
        to.write_str("]")
    }

    /// Uses of the GPUs, as a JSON list.
    pub(crate) fn uses(&self, to: &mut String) {
        let uses: Vec<&str> = self.gpus.iter().map(|gpu| gpu.r#use.name()).collect();
        let _ = write!(to, "{uses:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::world::{Kind, World},
        *,
    };

    #[test]
    fn gaps_filled() {
        let world = World { seed: 1, gpus: 1, users: 1, calm: 1, session_ms: 60_000 };
        let host = Host::new(&world, 12, Kind::Usual);
        let reading = Reading::new(&world, &host, 1_796_059_256_545);
        let mut marks = Marks::default();
        let [name, read, total, users, uuid] =
            [Slot::Hostname, Slot::ReadMs, Slot::Gpu(0, Field::Total), Slot::Gpu(0, Field::Users), Slot::Uuid(3)]
                .map(|slot| marks.add(slot));
        let marked =
            format!(r#"{{"a":"{name}","b":"{read}","c":"x@#y","d":["{total}","{users}"],"e":"GPU-{uuid}"}} {read}"#);
        let template = marks.template(&marked);
        let mut text = String::new();
        reading.render(&template, &mut text);
        let (json, tail) = text.split_at(text.rfind(' ').unwrap());
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(tail, " 1796059255600");
        assert_eq!(json["a"], "gpu0012");
        assert_eq!(json["b"], 1_796_059_255_600_u64);
        assert_eq!(json["c"], "x@#y");
        assert!(json["d"][0].is_u64() && json["d"][1].is_array(), "{json}");
        assert_eq!(json["e"].as_str().unwrap().len(), 40);
    }
}
