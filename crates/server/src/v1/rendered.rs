//! One snapshot for one scope as bytes: rendered once, and cut into parts for filtered responses.

use std::{
    io::Write as _,
    ops::{Range, RangeInclusive},
};

use bytes::Bytes;
use serde::Serialize;
use telemetry::{
    BootTime,
    snapshot::{Event, Gpu, Process, Snapshot},
};

use super::{
    sections::{self, CollectorView, EventView, GpuView, HostView, PeerView, ProcessView, SummaryView},
    view::ViewContext,
};
use crate::{
    config::{commands::Commands, peers::Peer},
    store::snapshot_id::SnapshotId,
};
use http_server::{auth::Scope, body::BodyParts};

/// The whole snapshot, and slices of it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) snapshot: Bytes,
    pub(crate) gpus: Bytes,
    pub(crate) processes: Bytes,
    /// Each GPU's object, in order.
    pub(crate) gpu_rows: Vec<Bytes>,
    /// Each process's object, in the order of the GPUs and of the processes on each.
    pub(crate) process_rows: Vec<Bytes>,
}

impl Whole {
    pub(crate) fn render(snapshot: &Snapshot, scope: Scope, commands: Commands) -> serde_json::Result<Self> {
        let mut context = ViewContext::new(scope, commands);
        let mut text = Vec::with_capacity(CAPACITY + snapshot.gpus.iter().map(capacity).sum::<usize>());
        write!(text, r#"{{"schema":1,"sequence":{},"sampled_at":{}"#, snapshot.sequence, snapshot.at.unix_ms)
            .map_err(serde_json::Error::io)?;
        write!(text, r#","scope":"{scope}","host":"#).map_err(serde_json::Error::io)?;
        serde_json::to_writer(&mut text, &HostView::of(&mut context, snapshot))?;
        text.extend_from_slice(br#","collector":"#);
        serde_json::to_writer(&mut text, &CollectorView::of(&mut context, &snapshot.collector))?;
        text.extend_from_slice(br#","gpus":"#);
        let gpus = array(&mut text, snapshot.gpus.iter().map(|gpu| GpuView::of(&mut context, gpu)))?;
        text.extend_from_slice(br#","processes":"#);
        let processes =
            array(&mut text, processes(snapshot).map(|(gpu, process)| ProcessView::of(&mut context, gpu, process)))?;
        text.push(b'}');
        let whole = Bytes::from(text);
        let cut = |rows: Vec<Range<usize>>| rows.into_iter().map(|row| whole.slice(row)).collect();
        Ok(Self {
            gpus: whole.slice(gpus.whole),
            processes: whole.slice(processes.whole),
            gpu_rows: cut(gpus.rows),
            process_rows: cut(processes.rows),
            snapshot: whole,
        })
    }
}

/// Approximate size of a snapshot without GPUs, in bytes.
const CAPACITY: usize = 1024;

/// Approximate size of a GPU with its processes, in bytes.
fn capacity(gpu: &Gpu) -> usize {
    4096 + gpu.processes.len() * 832
}

/// Every process with its GPU, in the order of the rows.
pub(crate) fn processes(snapshot: &Snapshot) -> impl Iterator<Item = (&Gpu, &Process)> {
    snapshot.gpus.iter().flat_map(|gpu| gpu.processes.iter().map(move |process| (gpu, process)))
}

/// `/users`.
pub(crate) fn users(snapshot: &Snapshot, scope: Scope, commands: Commands) -> serde_json::Result<Bytes> {
    Ok(serde_json::to_vec(&sections::users(&mut ViewContext::new(scope, commands), snapshot))?.into())
}

/// `/summary`.
pub(crate) fn summary(snapshot: &Snapshot, scope: Scope, commands: Commands) -> serde_json::Result<Bytes> {
    Ok(serde_json::to_vec(&SummaryView::of(&mut ViewContext::new(scope, commands), snapshot))?.into())
}

/// `/summary.txt`.
pub(crate) fn summary_text(snapshot: &Snapshot, scope: Scope, commands: Commands) -> Option<Bytes> {
    Some(SummaryView::of(&mut ViewContext::new(scope, commands), snapshot).text().ok()?.into())
}

/// `/peers`, the same for every client.
pub(crate) fn peers(peers: &[Peer]) -> serde_json::Result<Bytes> {
    let mut context = ViewContext::new(Scope::Read, Commands::default());
    let rows: Vec<PeerView> = peers.iter().map(|peer| PeerView::of(&mut context, peer)).collect();
    Ok(serde_json::to_vec(&rows)?.into())
}

/// `/events`: the whole, and each event.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    pub(crate) whole: Bytes,
    pub(crate) rows: Vec<Bytes>,
}

impl Events {
    pub(crate) fn render(events: &[Event], scope: Scope, commands: Commands) -> serde_json::Result<Self> {
        let mut context = ViewContext::new(scope, commands);
        let mut text = Vec::new();
        let list = array(&mut text, events.iter().map(|event| EventView::of(&mut context, event)))?;
        let whole = Bytes::from(text);
        Ok(Self { rows: list.rows.into_iter().map(|row| whole.slice(row)).collect(), whole })
    }

    /// Events that were new in one of these snapshots.
    pub(crate) fn of(&self, snapshot: &Snapshot, sequences: RangeInclusive<u64>) -> impl Iterator<Item = &Bytes> {
        let placed = snapshot.events.iter().zip(&self.rows);
        placed.filter(move |(event, _)| sequences.contains(&event.sequence)).map(|(_, row)| row)
    }
}

/// The stream's text of one tick: its events, then the snapshot, so that a client with its id has received the events.
pub(crate) fn tick<'a>(id: &SnapshotId, snapshot: &Bytes, events: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut text = happened(events);
    text.reserve_exact(snapshot.len() + 64);
    text.extend_from_slice(format!("id: {id}\nevent: snapshot\ndata: ").as_bytes());
    text.extend_from_slice(snapshot);
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// The stream's text of a summary.
pub(crate) fn summary_tick(summary: &Bytes) -> Bytes {
    [b"event: summary\ndata: ", summary.as_ref(), b"\n\n"].concat().into()
}

/// The stream's text of a snapshot whose summary is as before, at this time.
pub(crate) fn alive(snapshot: &Snapshot, now: BootTime) -> Bytes {
    let read_at = snapshot.read_at.map(|read_at| read_at.unix_ms);
    let age_ms = snapshot.read_at.map(|read_at| u64::try_from(now.since(read_at.boot).as_millis()).unwrap_or(u64::MAX));
    let data = serde_json::json!({"sampled_at": snapshot.at.unix_ms, "read_at": read_at, "age_ms": age_ms});
    format!("event: alive\ndata: {data}\n\n").into()
}

/// The stream's text of events.
pub(crate) fn happened<'a>(events: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
    let mut text = Vec::new();
    for event in events {
        text.extend_from_slice(b"event: event\ndata: ");
        text.extend_from_slice(event);
        text.extend_from_slice(b"\n\n");
    }
    text
}

/// An array of rendered rows, in parts.
pub(crate) fn list<'a>(rows: impl Iterator<Item = &'a Bytes>) -> http_server::Body {
    let mut pieces = BodyParts::default();
    pieces.push(&Bytes::from_static(b"["));
    for (position, row) in rows.enumerate() {
        if position > 0 {
            pieces.push(&Bytes::from_static(b","));
        }
        pieces.push(row);
    }
    pieces.push(&Bytes::from_static(b"]"));
    pieces.into_body()
}

/// An array of rendered rows, in one piece.
pub(crate) fn joined(rows: &[&Bytes]) -> Bytes {
    let mut text = vec![b'['];
    for (position, row) in rows.iter().enumerate() {
        if position > 0 {
            text.push(b',');
        }
        text.extend_from_slice(row);
    }
    text.push(b']');
    text.into()
}

struct Array {
    whole: Range<usize>,
    rows: Vec<Range<usize>>,
}

/// Writes a JSON array and returns the positions of it and its rows.
fn array(text: &mut Vec<u8>, rows: impl Iterator<Item = impl Serialize>) -> serde_json::Result<Array> {
    let begins = text.len();
    text.push(b'[');
    let mut at = Vec::new();
    for (position, row) in rows.enumerate() {
        if position > 0 {
            text.push(b',');
        }
        let start = text.len();
        serde_json::to_writer(&mut *text, &row)?;
        at.push(start..text.len());
    }
    text.push(b']');
    Ok(Array { whole: begins..text.len(), rows: at })
}
