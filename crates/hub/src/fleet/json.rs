//! Hosts as JSON. Each field is declared once, for a whole row and for the fields that changed since another.

use std::{borrow::Cow, io::Write as _, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use telemetry::snapshot::UseVerdict;

use super::{
    row::{Host, HostState},
    state::{HostCounts, Inputs, Totals},
};
use crate::{
    report::{ClaimReport, GpuReport, MigReport, Source},
    target::SourceState,
};

/// View of a row: what it has of GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cells {
    /// GPUs with their users.
    Named,
    /// GPUs without users, for a scope below `read`.
    Nameless,
    /// No GPUs, for rows that a client does not show.
    Left,
}

/// Fields of an object that is being written.
struct Object<'a> {
    to: &'a mut Vec<u8>,
    is_empty: bool,
}

impl Object<'_> {
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.to.push(b',');
        }
        self.to.push(b'"');
        self.to.extend_from_slice(key.as_bytes());
        self.to.extend_from_slice(b"\":");
        self.to
    }

    fn put(&mut self, key: &str, value: impl Serialize) {
        let to = self.key(key);
        // Writing to memory does not fail, and keys of maps are strings.
        let _ = serde_json::to_writer(to, &value);
    }

    /// Writes a field, unless it is as it was before.
    fn field<'s, S, T: Serialize + PartialEq>(
        &mut self,
        key: &str,
        now: &'s S,
        before: Option<&'s S>,
        get: impl Fn(&'s S) -> T,
    ) {
        let value = get(now);
        if before.is_none_or(|before| get(before) != value) {
            self.put(key, value);
        }
    }
}

/// Writes the fields of a whole row, without braces.
pub(super) fn whole(to: &mut Vec<u8>, host: &Host, cells: Cells) {
    let mut object = Object { to, is_empty: true };
    object.put("name", &**host.name());
    host_fields(&mut object, host, None);
    object.put("read_at", host.read.map(|read| read.unix_ms));
    if cells == Cells::Left {
        return;
    }
    let to = object.key("gpus");
    to.push(b'[');
    for (at, gpu) in host.gpus().iter().enumerate() {
        to.extend_from_slice(if at > 0 { b",{" } else { b"{" });
        gpu_fields(&mut Object { to, is_empty: true }, (host, gpu), None, cells);
        to.push(b'}');
    }
    to.push(b']');
}

/// Writes a whole row as an element that replaces what a client has.
pub(super) fn whole_element(to: &mut Vec<u8>, host: &Host, cells: Cells) {
    to.push(b'{');
    whole(to, host, cells);
    to.extend_from_slice(b",\"whole\":true}");
}

/// Writes an object with the changed fields of a row; nothing if none that is shown changed.
pub(super) fn changed(to: &mut Vec<u8>, host: &Host, before: &Host, cells: Cells) {
    if cells != Cells::Left && !has_same_devices(host, before) {
        return whole_element(to, host, cells);
    }
    let begin = to.len();
    to.push(b'{');
    let mut object = Object { to, is_empty: true };
    object.put("name", &**host.name());
    let named = object.to.len();
    host_fields(&mut object, host, Some(before));
    if cells != Cells::Left {
        gpus_changed(&mut object, host, before, cells);
    }
    // The age alone is nothing that a row without cells shows.
    let is_shown = cells != Cells::Left || object.to.len() > named;
    if is_shown {
        object.field("read_at", host, Some(before), |host| host.read.map(|read| read.unix_ms));
    }
    if object.to.len() == named {
        to.truncate(begin);
        return;
    }
    to.push(b'}');
}

/// True if the cells of both have the same places.
fn has_same_devices(host: &Host, before: &Host) -> bool {
    let (now, before) = (host.gpus(), before.gpus());
    let same = |(one, other): (&GpuReport, &GpuReport)| {
        one.index == other.index
            && one.mig.len() == other.mig.len()
            && one.mig.iter().zip(&other.mig).all(|(one, other)| one.label == other.label)
    };
    now.len() == before.len() && now.iter().zip(before).all(same)
}

fn gpus_changed(object: &mut Object<'_>, host: &Host, before: &Host, cells: Cells) {
    let begin = (object.to.len(), object.is_empty);
    let to = object.key("gpus");
    to.push(b'[');
    let opened = to.len();
    for (gpu, earlier) in host.gpus().iter().zip(before.gpus()) {
        let start = to.len();
        to.extend_from_slice(if start > opened { b",{" } else { b"{" });
        let _ = write!(to, "\"index\":{}", gpu.index);
        let mut fields = Object { to: &mut *to, is_empty: false };
        let named = fields.to.len();
        gpu_fields(&mut fields, (host, gpu), Some((before, earlier)), cells);
        if to.len() == named {
            to.truncate(start);
        } else {
            to.push(b'}');
        }
    }
    if to.len() == opened {
        to.truncate(begin.0);
        object.is_empty = begin.1;
    } else {
        to.push(b']');
    }
}

/// Fields of a host besides its name, its age and its GPUs.
fn host_fields(object: &mut Object<'_>, host: &Host, before: Option<&Host>) {
    object.field("labels", host, before, |host| &*host.target.labels);
    object.field("ssh_host", host, before, |host| host.target.ssh_host.as_deref());
    object.field("state", host, before, |host| host.state);
    object.field("error", host, before, |host| host.error.as_deref());
    object.field("since", host, before, |host| host.since_ms);
    object.field("source", host, before, |host| host.source().map(Source::as_str));
    object.field("original", host, before, |host| host.source() == Some(Source::Original));
    object.field("hostname", host, before, |host| host.report.as_ref().and_then(|report| report.hostname.as_deref()));
    object.field("agent_version", host, before, |host| {
        host.report.as_ref().and_then(|report| report.agent_version.as_deref())
    });
    object.field("driver_version", host, before, |host| {
        host.report.as_ref().and_then(|report| report.driver_version.as_deref())
    });
    object.field("counts", host, before, |host| host.counts);
    object.field("problems", host, before, Host::problems);
    object.field("notes", host, before, |host| {
        Joined(&host.target.notes, host.report.as_ref().map_or(&[], |report| &report.notes))
    });
}

/// Writes the fields of the list of targets and all notes of the hub, after other fields.
pub(super) fn inputs(to: &mut Vec<u8>, inputs: &Inputs) {
    let mut object = Object { to, is_empty: false };
    object.put("list", List { is_loaded: inputs.is_loaded, sources: &inputs.sources });
    object.put("notes", inputs.config_notes.iter().chain(&inputs.notes).collect::<Vec<_>>());
}

#[derive(Serialize)]
struct List<'a> {
    is_loaded: bool,
    sources: &'a [SourceState],
}

type CellOf<'a> = (&'a Host, &'a GpuReport);

/// Fields of a GPU. The index is written by the caller for changes.
fn gpu_fields<'a>(object: &mut Object<'_>, now: CellOf<'a>, before: Option<CellOf<'a>>, cells: Cells) {
    let (now, before) = (&now, before.as_ref());
    if before.is_none() {
        object.put("index", now.1.index);
    }
    object.field("uuid", now, before, |(_, gpu)| gpu.uuid.as_deref());
    object.field("name", now, before, |(_, gpu)| gpu.name.as_deref());
    object.field("memory_total_bytes", now, before, |(_, gpu)| gpu.memory_total_bytes);
    object.field("memory_free_bytes", now, before, |(_, gpu)| gpu.memory_free_bytes);
    object.field("utilization_percent", now, before, |(_, gpu)| gpu.utilization_percent);
    object.field("power_watts", now, before, |(_, gpu)| gpu.power_watts);
    object.field("temperature_celsius", now, before, |(_, gpu)| gpu.temperature_celsius);
    object.field("state", now, before, |(_, gpu)| gpu.state.map(|state| state.as_str()));
    object.field("use", now, before, |(host, gpu)| word(host.use_of(gpu)));
    object.field("last_use", now, before, |(host, gpu)| last_use(host, gpu.r#use));
    object.field("since", now, before, |(host, gpu)| since(host, gpu.since_ms));
    object.field("health", now, before, |(_, gpu)| gpu.health.map(|health| health.as_str()));
    object.field("users", now, before, |(_, gpu)| users(gpu.users.as_deref(), cells));
    object.field("claim", now, before, |(_, gpu)| claim(gpu.claim.as_ref(), cells));
    object.field("mig_mode", now, before, |(_, gpu)| gpu.mig_mode);
    object.field("mig", now, before, |(host, gpu)| Instances { host, gpu, cells });
}

/// MIG instances of a GPU, which are sent together.
struct Instances<'a> {
    host: &'a Host,
    gpu: &'a GpuReport,
    cells: Cells,
}

impl<'a> Instances<'a> {
    fn views(&self) -> impl Iterator<Item = InstanceView<'a>> {
        let Self { host, gpu, cells } = *self;
        gpu.mig.iter().map(move |mig| InstanceView::of(host, gpu, mig, cells))
    }
}

/// Equal if they look equal: a client that sees no users does not see that they change either.
impl PartialEq for Instances<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.views().eq(other.views())
    }
}

impl Serialize for Instances<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.views())
    }
}

#[derive(PartialEq, Serialize)]
struct InstanceView<'a> {
    label: &'a str,
    uuid: Option<&'a str>,
    profile: Option<&'a str>,
    memory_total_bytes: Option<u64>,
    memory_free_bytes: Option<u64>,
    r#use: &'static str,
    last_use: Option<&'static str>,
    since: Option<u64>,
    users: Option<&'a [Box<str>]>,
    claim: Option<Cow<'a, ClaimReport>>,
}

impl<'a> InstanceView<'a> {
    fn of(host: &Host, gpu: &GpuReport, mig: &'a MigReport, cells: Cells) -> Self {
        Self {
            label: &mig.label,
            uuid: mig.uuid.as_deref(),
            profile: mig.profile.as_deref(),
            memory_total_bytes: mig.memory_total_bytes,
            memory_free_bytes: mig.memory_free_bytes,
            r#use: word(host.use_of_instance(gpu, mig)),
            last_use: last_use(host, mig.r#use),
            since: since(host, mig.since_ms),
            users: users(mig.users.as_deref(), cells),
            claim: claim(mig.claim.as_ref(), cells),
        }
    }
}

fn word(usage: UseVerdict) -> &'static str {
    usage.as_str()
}

/// Use by the last report of a host that is not `ok`; null of others.
fn last_use(host: &Host, usage: UseVerdict) -> Option<&'static str> {
    (host.state != HostState::Ok && usage != UseVerdict::Unknown).then(|| word(usage))
}

fn since(host: &Host, since_ms: Option<u64>) -> Option<u64> {
    since_ms.filter(|_| host.state == HostState::Ok)
}

fn users(users: Option<&[Box<str>]>, cells: Cells) -> Option<&[Box<str>]> {
    users.filter(|_| cells == Cells::Named)
}

/// Claim, of which a client that sees no users sees the existence alone.
fn claim(claim: Option<&ClaimReport>, cells: Cells) -> Option<Cow<'_, ClaimReport>> {
    claim.map(|claim| if cells == Cells::Named { Cow::Borrowed(claim) } else { Cow::Owned(ClaimReport::default()) })
}

/// Two lists, one after the other.
#[derive(PartialEq)]
struct Joined<'a>(&'a [Arc<str>], &'a [String]);

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|note| &**note).chain(self.1.iter().map(String::as_str)))
    }
}

impl Serialize for HostCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(HostState::ALL.map(|state| (state.as_str(), self.of(state))))
    }
}

impl Serialize for Totals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("hosts", &self.hosts)?;
        map.serialize_entry("gpus", &self.gpus)?;
        map.serialize_entry("mig", &super::row::MigCounts { free: self.mig_free })?;
        map.serialize_entry("memory_total_bytes", &self.memory_total_bytes)?;
        map.serialize_entry("memory_free_bytes", &self.memory_free_bytes)?;
        map.serialize_entry("power_watts", &self.power_watts)?;
        map.end()
    }
}
