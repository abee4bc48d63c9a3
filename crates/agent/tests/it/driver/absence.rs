//! Whatever the driver answers, what was not read is no number, and each null has its reason: every documented return
//! code, in every place where one can stand.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use telemetry::{
    Absence,
    frame::Message,
    readings::{Every, Identity, Nvlink, Readings},
    sample::{GpuSample, ProcessLists},
};

use crate::{
    lifecycle::collector::collect,
    support::{Driver, Start, eventually},
};

/// Every return code that NVML's header has, and one that it has not.
const CODES: [u32; 32] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 999,
    4711,
];
const INVALID_ARGUMENT: u32 = 2;
const NOT_FOUND: u32 = 6;

/// Expected absence of a value for a return code.
fn why(code: u32) -> Absence {
    match code {
        3 | 13 | 21 | 22 | 24 | 25 | 26 => Absence::NotSupported,
        4 => Absence::Denied,
        10 => Absence::Timeout,
        15 => Absence::Lost,
        _ => Absence::Error,
    }
}

/// Expected absence for a field's own code: a driver that does not know the field returns invalid argument.
fn why_field(code: u32) -> Absence {
    if code == INVALID_ARGUMENT { Absence::NotSupported } else { why(code) }
}

/// The call that returns the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In every function but the one that gives the handle.
    Functions,
    /// In each GPM metric, each field, and each function of a MIG instance; and a second instance is refused.
    Parts,
    /// In the fields of a GPU without GPM, whose counters of bytes are asked for instead.
    Counters,
}

const PLACES: [Place; 3] = [Place::Functions, Place::Parts, Place::Counters];

/// The GPUs, in their order: one that is well, since a driver of which no GPU is read is given up, and then one for each
/// code in each place.
fn gpus() -> impl Iterator<Item = (usize, Place, u32)> {
    let all = PLACES.into_iter().flat_map(|place| CODES.map(|code| (place, code)));
    all.enumerate().map(|(position, (place, code))| (position + 1, place, code))
}

const WELL: &str = "
name = 'A'
utilization_percent = 3
encoder_percent = 3
decoder_percent = 3
memory_total_bytes = 1000
memory_used_bytes = 3
temperature_c = 3
power_mw = 3
fan_percent = 3
ecc_enabled = 1
ecc_volatile_corrected = 3
nvlinks = 2
nvlink_errors = 3
xids = []
";
const FIELDS: [u32; 8] = [74, 75, 82, 138, 139, 197, 198, 230];
const METRICS: [u32; 12] = [1, 2, 3, 5, 10, 11, 12, 13, 20, 21, 60, 61];

fn scenario() -> String {
    let mut text = format!("[[gpu]]{WELL}");
    for (_, place, code) in gpus() {
        let failing = |ids: &[u32]| {
            let one = |id: &u32| format!("{id} = {{ code = {code} }}");
            ids.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let fields = format!("fields = {{ {} }}\n", failing(&FIELDS));
        text += &format!("[[gpu]]{WELL}");
        text += &match place {
            Place::Functions => {
                format!("gpm = {{}}\nmig_mode = 1\nerrors = {{ '*' = {code}, nvmlDeviceGetHandleByIndex_v2 = 0 }}\n")
            }
            Place::Parts => format!(
                "gpm = {{ {} }}\n{fields}mig_mode = 1\n\
                 [[gpu.mig]]\nerrors = {{ '*' = {code}, nvmlDeviceGetMigDeviceHandleByIndex = 0 }}\n\
                 [[gpu.mig]]\nerrors = {{ nvmlDeviceGetMigDeviceHandleByIndex = {code} }}\n",
                failing(&METRICS),
            ),
            Place::Counters => fields,
        };
    }
    text
}

/// Every value at the end of a path, and every list that is empty.
fn leaves(value: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(object) => {
            object
                .iter()
                .filter(|(key, _)| *key != "absent")
                .for_each(|(key, value)| leaves(value, &below(key), found));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(place, item)| leaves(item, &below(&place.to_string()), found));
        }
        _ => drop(found.insert(path.to_owned(), value.clone())),
    }
}

/// Derived values that need no reading.
fn is_derived(path: &str) -> bool {
    const DERIVED: [&str; 13] = [
        "claim",
        "claim_conflicts",
        "index",
        "state",
        "state_detail",
        "read_at",
        "age_ms",
        "use.verdict",
        "use.since",
        "use.since_at_least",
        "use.users",
        "xid.last",
        "xid.last_at",
    ];
    let own = path.split_once("mig.").and_then(|(_, rest)| rest.split_once('.')).map_or(path, |(_, own)| own);
    DERIVED.contains(&own) || path.starts_with("health.")
}

/// Faults in the object of a GPU whose every function fails.
fn amiss_of_functions(gpu: &Value, code: u32) -> Vec<String> {
    let mut found = BTreeMap::new();
    leaves(gpu, "", &mut found);
    let wrong = |(path, value): (String, Value)| {
        let reason = gpu["absent"][&path].as_str();
        let expected = match path.as_str() {
            _ if is_derived(&path) => return None,
            // Nobody asks the kubelet.
            "pods" => Absence::NotSupported,
            // A GPU that cannot be parted has no instances.
            "mig" if why(code) == Absence::NotSupported => {
                return (value != json!([])).then(|| format!("mig is {value}"));
            }
            // Past the last link.
            "nvlink.links_active" | "nvlink.links_total" | "nvlink.errors" if code == INVALID_ARGUMENT => {
                Absence::NotSupported
            }
            "use.unattributed_bytes" if why(code) == Absence::NotSupported => return None,
            _ => why(code),
        };
        let right = (value.is_null() || value == json!([])) && reason == Some(expected.as_str());
        (!right).then(|| format!("{path} is {value}, {reason:?} and not {expected:?}"))
    };
    found.into_iter().filter_map(wrong).collect()
}

/// Faults in the fields, metrics and instances of an otherwise healthy GPU.
fn amiss_of_parts(gpu: &Value, place: Place, code: u32) -> Vec<String> {
    let mut amiss = Vec::new();
    let mut expect = |path: &str, expected: Absence| {
        let value = path.split('.').fold(gpu, |value, key| match key.parse::<usize>() {
            Ok(place) => &value[place],
            Err(_) => &value[key],
        });
        let reason = gpu["absent"][path].as_str();
        if !value.is_null() || reason != Some(expected.as_str()) {
            amiss.push(format!("{path} is {value}, {reason:?} and not {expected:?}"));
        }
    };
    for path in [
        "temperature.memory_celsius",
        "clocks.power_throttled_seconds",
        "clocks.thermal_throttled_seconds",
        "recovery_action",
    ] {
        expect(path, why_field(code));
    }
    let traffic = if place == Place::Parts { why(code) } else { why_field(code) };
    for link in ["pcie", "nvlink"] {
        expect(&format!("{link}.tx_bytes_per_second"), traffic);
        expect(&format!("{link}.rx_bytes_per_second"), traffic);
    }
    let activity = if place == Place::Parts { why(code) } else { Absence::NotSupported };
    for part in ["graphics", "sm", "sm_occupancy", "tensor", "dram", "fp64", "fp32", "fp16"] {
        expect(&format!("activity.{part}_ratio"), activity);
    }
    if place == Place::Parts {
        // A place whose instance is not found is empty.
        let instances = if [INVALID_ARGUMENT, NOT_FOUND].contains(&code) { 1 } else { 2 };
        for instance in 0..instances {
            for part in [
                "gpu_instance",
                "compute_instance",
                "uuid",
                "profile",
                "memory_total_bytes",
                "memory_used_bytes",
                "activity.sm_ratio",
                "use.unattributed_bytes",
            ] {
                expect(&format!("mig.{instance}.{part}"), why(code));
            }
        }
        let told = gpu["mig"].as_array().map(Vec::len);
        if told != Some(instances) {
            amiss.push(format!("{told:?} instances"));
        }
        if gpu["use"]["verdict"] != "unknown" && gpu["state"] == "ok" {
            amiss.push(format!("its use is {}, though nothing is known of its instances", gpu["use"]["verdict"]));
        }
    }
    if gpu["utilization"]["gpu_percent"] != 3 {
        amiss.push(format!("its utilization is {}", gpu["utilization"]["gpu_percent"]));
    }
    amiss
}

#[test]
fn null_has_reason_of_its_return_code() {
    let driver = Driver::new(&scenario());
    let agent = Start::seldom(&driver).serve().ready();
    let mut amiss = Vec::new();
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually("every reason", || {
            let all = agent.get("/api/v1/gpus").json();
            amiss.clear();
            for (index, place, code) in gpus() {
                let of_gpu = match place {
                    Place::Functions => amiss_of_functions(&all[index], code),
                    Place::Parts | Place::Counters => amiss_of_parts(&all[index], place, code),
                };
                amiss.extend(of_gpu.into_iter().map(|what| format!("{place:?}, code {code}: {what}")));
            }
            amiss.is_empty().then_some(())
        });
    }));
    assert!(seen.is_ok(), "{amiss:#?}");
}

/// Checks `/status` and rows of processes too, because the GPU's object does not contain all of their values.
#[test]
fn readings_absent_when_every_function_fails() {
    let driver = Driver::new(&scenario());
    let failing: Vec<(usize, u32)> =
        gpus().filter(|(_, place, _)| *place == Place::Functions).map(|(index, _, code)| (index, code)).collect();
    let whole = |gpu: &GpuSample| {
        gpu.readings.absences().all(|(field, why)| field.spec().every == Every::Window || why != Absence::Timeout)
    };
    let mut last = None;
    collect(&driver, "1s", |message| {
        let Message::Sample(sample) = message else { return false };
        // The slow sets are whole with the second frame.
        let over = !sample.gpus.is_empty()
            && failing.iter().all(|(index, code)| why(*code) == Absence::Timeout || whole(&sample.gpus[*index]));
        last = Some(sample);
        over
    });
    let sample = last.unwrap();
    for (index, code) in failing {
        let (gpu, why) = (&sample.gpus[index], why(code));
        let (mut readings, mut lists) = (gpu.readings.clone(), gpu.lists.clone());
        if code == NOT_FOUND {
            // "Not found" is how an idle GPU says that no process ran.
            assert_eq!(lists.shares, Ok(Vec::new()));
            lists.shares = Err(why);
        }
        if code == INVALID_ARGUMENT {
            let none = Nvlink::absent(Absence::NotSupported);
            let Nvlink { links_active, links_total, errors, .. } = readings.nvlink;
            assert_eq!((links_active, links_total, errors), (none.links_active, none.links_total, none.errors));
            readings.nvlink = Nvlink::absent(why);
        }
        // Tested where their windows are.
        for &field in Readings::FIELDS.iter().filter(|field| field.spec().every == Every::Window) {
            readings.set_absent(field, why);
        }
        assert_eq!(readings, Readings::absent(why), "{code}");
        assert_eq!(lists, ProcessLists::absent(why), "{code}");
        assert_eq!(gpu.identity, Identity::absent(why), "{code}");
    }
}
