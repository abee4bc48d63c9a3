//! Fields whose value is not one reading.

use telemetry::{
    Absence, Reading,
    readings::{DcgmUnit, Value},
    xid,
};

use super::{Field, From, Named, Number, Place, Sample, Set, mebibytes, whole};
use crate::metrics::text::Kind;

/// All of them.
pub(super) fn fields() -> [Field; 5] {
    let renamed = |named: Named, name| Named { name, ..named };
    let xid =
        gauge(Set::Default, "DCGM_FI_DEV_XID_ERRORS", DcgmUnit::None, "The newest Xid error; 0 if there was none");
    let nvlink = Named {
        kind: Kind::Counter,
        unit_text: "MB/s",
        ..gauge(
            Set::Default,
            "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
            // DCGM's unit of it has no name: 1024000 B/s.
            DcgmUnit::None,
            "What crosses NVLink both ways; a rate, though it is declared a counter",
        )
    };
    let nvlink_bytes = gauge(
        Set::Default,
        "DCGM_FI_DEV_NVLINK_THROUGHPUT_BYTES_PER_SECOND",
        DcgmUnit::BytesPerSecond,
        "What crosses NVLink both ways",
    );
    let bar1 = |name, unit| gauge(Set::Asked, name, unit, "How much of that window is not mapped");
    let counter = |name, help| Named { kind: Kind::Counter, ..gauge(Set::Asked, name, DcgmUnit::None, help) };
    let xids = counter("DCGM_EXP_XID_ERRORS_TOTAL", "Xid errors since the agent started, by number");
    let clocks = counter("DCGM_EXP_CLOCK_EVENTS_TOTAL", "How often a reason began to hold the clocks down, by reason");
    let more = |named: Named| Named { set: Set::More, ..named };
    [
        Field { until48: xid, since49: renamed(xid, "DCGM_FI_DEV_XID_ERROR"), from: From::Events(last_xid) },
        Field { until48: nvlink, since49: nvlink_bytes, from: From::Computed(nvlink_traffic) },
        Field {
            until48: bar1("DCGM_FI_DEV_BAR1_FREE", DcgmUnit::Mebibytes),
            since49: bar1("DCGM_FI_DEV_BAR1_FREE_BYTES", DcgmUnit::Bytes),
            from: From::Computed(bar1_free),
        },
        // dcgm-exporter has them since 4.8.3, outside its default set.
        Field { until48: xids, since49: more(xids), from: From::Events(xid_errors) },
        Field { until48: clocks, since49: more(clocks), from: From::Events(clock_events) },
    ]
}

const fn gauge(set: Set, name: &'static str, unit: DcgmUnit, help: &'static str) -> Named {
    Named { name, kind: Kind::Gauge, unit, unit_text: unit.as_str(), help, set }
}

fn last_xid(place: &Place<'_>) -> Vec<Sample> {
    let xid = &place.gpu.xid;
    let code = match xid.last {
        Some((code, _)) => code,
        None if xid.since.is_ok() => 0,
        // Without a listener nothing is known of errors.
        None => return Vec::new(),
    };
    let meaning = if code == 0 { "no error" } else { xid::look_up(code).meaning };
    let labels = vec![("err_code", code.to_string()), ("err_msg", meaning.to_owned())];
    whole(&Value::U64(code)).map(|code| Sample { labels, number: Number::Whole(code) }).into_iter().collect()
}

fn xid_errors(place: &Place<'_>) -> Vec<Sample> {
    place.gpu.xid.by_code.iter().filter_map(|(code, count)| counted("xid", code.to_string(), *count)).collect()
}

/// dcgm-exporter's words for NVML's bits. It has none for newer ones.
const CLOCK_EVENTS: [&str; 9] = [
    "gpu_idle",
    "clocks_setting",
    "power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal",
    "hw_thermal",
    "hw_power_brake",
    "display_clocks",
];

fn clock_events(place: &Place<'_>) -> Vec<Sample> {
    let events = CLOCK_EVENTS.iter().zip(place.gpu.totals.clock_events).filter(|(_, count)| *count > 0);
    events.filter_map(|(word, count)| counted("clock_event", (*word).to_owned(), count)).collect()
}

fn counted(label: &'static str, value: String, count: u64) -> Option<Sample> {
    let number = Number::Whole(i64::try_from(count).ok()?);
    Some(Sample { labels: vec![(label, value)], number })
}

fn nvlink_traffic(place: &Place<'_>, unit: DcgmUnit) -> Reading<Number> {
    let nvlink = &place.gpu.readings.nvlink;
    let both = nvlink.tx_bytes_per_second?.checked_add(nvlink.rx_bytes_per_second?).ok_or(Absence::Error)?;
    // As DCGM computes both from NVML's KiB: the bytes times 1024, the other divided by a thousand.
    let both = if unit == DcgmUnit::BytesPerSecond { both } else { both / 1024 / 1000 };
    whole(&Value::U64(both)).map(Number::Whole)
}

fn bar1_free(place: &Place<'_>, unit: DcgmUnit) -> Reading<Number> {
    let memory = &place.gpu.readings.memory;
    let free = whole(&Value::U64(memory.bar1_total_bytes?.saturating_sub(memory.bar1_used_bytes?)))?;
    Ok(Number::Whole(if unit == DcgmUnit::Bytes { free } else { mebibytes(free) }))
}
