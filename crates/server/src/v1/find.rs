//! `/api/v1/find`: parameters, for an agent and for the hub.

use telemetry::find::{Profile, Request};

use super::{
    query::{InvalidParameter, given, given_list},
    time::digits,
};

/// Parameters of `/api/v1/find`.
pub const FIND_PARAMETERS: &[&str] = &["count", "memory", "model", "mig", "held", "labels", "limit"];

/// Largest `count` and `limit`; no fleet has more devices.
const MAX_NUMBER: u64 = 1_000_000;
/// Patterns of the parameters. The numbers are at least 1.
pub(crate) const NUMBER: &str = "^0{0,8}([1-9][0-9]{0,5}|1000000)$";
pub(crate) const MEMORY: &str = "^[0-9]{1,6}([GgMmTt]|[GgMmTt][Ii][Bb])$";
pub(crate) const PROFILE: &str = r"^(any|([1-9]c\.)?[1-9]g\.[0-9]{1,4}gb([+-][a-z.]{1,20})?)$";
pub(crate) const LABELS: &str = "^[^:,]+:[^,]+(,[^:,]+:[^,]+)*$";

/// A request for devices, from the query of `/api/v1/find`. The router refuses unknown parameters.
///
/// # Errors
/// The first wrong parameter, and what it should be.
pub fn find_request(query: &str) -> Result<Request, String> {
    read(query).map_err(|InvalidParameter { detail, .. }| detail)
}

fn read(query: &str) -> Result<Request, InvalidParameter> {
    let default = Request::default();
    Ok(Request {
        count: number(query, "count")?.unwrap_or(default.count),
        memory_bytes: given(query, "memory")?.map(|text| memory(&text)).transpose()?,
        model: given(query, "model")?,
        mig: given(query, "mig")?.map(|text| profile(&text)).transpose()?,
        held: held(query)?,
        labels: given_list(query, "labels")?.map(|list| labels(&list)).transpose()?.unwrap_or_default(),
        limit: number(query, "limit")?.unwrap_or(default.limit),
    })
}

fn wrong(name: &str, text: &str, expected: &str) -> InvalidParameter {
    let shown: String = text.chars().take(40).collect();
    InvalidParameter::wrong(format!("The parameter {name}={shown:?} is invalid; expected {expected}."))
}

fn number(query: &str, name: &str) -> Result<Option<usize>, InvalidParameter> {
    let Some(text) = given(query, name)? else { return Ok(None) };
    let number = digits(&text).filter(|number| (1..=MAX_NUMBER).contains(number));
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.map(Some).ok_or_else(|| wrong(name, &text, &format!("a number from 1 to {MAX_NUMBER}")))
}

/// A size in bytes. Units of 1000 are refused, because the memory of GPUs is sold in GB and counted in GiB.
fn memory(text: &str) -> Result<u64, InvalidParameter> {
    let refused =
        || wrong("memory", text, "free memory per device with a unit, such as 40GiB, 40G (the same) or 40960MiB");
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(end).ok_or_else(refused)?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "mib" | "m" => 20,
        "gib" | "g" => 30,
        "tib" | "t" => 40,
        _ => return Err(refused()),
    };
    let bytes = digits(number).and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(refused)
}

fn profile(text: &str) -> Result<Profile, InvalidParameter> {
    if text.eq_ignore_ascii_case("any") {
        return Ok(Profile::Any);
    }
    // A plus sign in a query is a space.
    let named = text.to_ascii_lowercase().replace(' ', "+");
    if is_profile(&named) {
        return Ok(Profile::Named(named));
    }
    Err(wrong("mig", text, "a profile of MIG instances such as 3g.40gb, or any"))
}

/// True for a name such as `3g.40gb`, `1c.3g.40gb` or `1g.10gb+me`.
fn is_profile(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match text.split_once("c.") {
        Some((compute, rest)) if is_number(compute) => rest,
        _ => text,
    };
    let Some((slices, rest)) = whole.split_once("g.") else { return false };
    let Some((gigabytes, attributes)) = rest.split_once("gb") else { return false };
    let is_attribute = |byte: u8| byte.is_ascii_lowercase() || byte == b'.';
    let are_attributes = |text: &str| {
        let names = text.strip_prefix(['+', '-']);
        text.is_empty() || names.is_some_and(|names| !names.is_empty() && names.bytes().all(is_attribute))
    };
    is_number(slices) && is_number(gigabytes) && are_attributes(attributes)
}

fn held(query: &str) -> Result<bool, InvalidParameter> {
    match given(query, "held")?.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(wrong("held", other, "true to include idle devices on which memory is held, or false")),
    }
}

fn labels(list: &str) -> Result<Vec<(String, String)>, InvalidParameter> {
    let one = |entry: &str| {
        let (key, value) = entry.split_once(':').filter(|(key, value)| !key.is_empty() && !value.is_empty())?;
        Some((key.to_owned(), value.to_owned()))
    };
    let all: Option<Vec<_>> = list.split(',').map(one).collect();
    all.ok_or_else(|| wrong("labels", list, "key:value, or several separated by commas"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn request_parsed() {
        assert_eq!(find_request(""), Ok(Request::default()));
        assert_eq!(
            find_request("count=2&memory=40GiB&model=H100&mig=1g.10gb&held=true&labels=rack:a1,url:http://x&limit=5"),
            Ok(Request {
                count: 2,
                memory_bytes: Some(40 * GIB),
                model: Some("H100".into()),
                mig: Some(Profile::Named("1g.10gb".into())),
                held: true,
                labels: vec![("rack".into(), "a1".into()), ("url".into(), "http://x".into())],
                limit: 5,
            })
        );
        let labels = find_request("labels=a:1&labels=b:2").unwrap().labels;
        assert_eq!(labels, [("a".to_owned(), "1".to_owned()), ("b".into(), "2".into())]);
    }

    #[test]
    fn memory_needs_unit() {
        for (text, bytes) in [
            ("40GiB", 40 * GIB),
            ("40G", 40 * GIB),
            ("40g", 40 * GIB),
            ("40960MiB", 40 * GIB),
            ("40960M", 40 * GIB),
            ("1TiB", 1024 * GIB),
            ("0G", 0),
            ("007GiB", 7 * GIB),
        ] {
            assert_eq!(find_request(&format!("memory={text}")).unwrap().memory_bytes, Some(bytes), "{text}");
        }
        let wrong = [
            "40",
            "lots",
            "40GB",
            "40KiB",
            "GiB",
            "-1GiB",
            "%2B1GiB",
            "40+GiB",
            "40GiB+",
            "1.5GiB",
            "4e1G",
            "0x10G",
            "40GiBs",
            "99999999999999999999GiB",
            "17179869184GiB",
            "٤GiB",
            "inf",
            "nan",
        ];
        for text in wrong {
            let refused = find_request(&format!("memory={text}")).unwrap_err();
            assert!(refused.contains("memory=") && refused.contains("40GiB"), "{refused}");
        }
    }

    #[test]
    fn profile_parsed() {
        let named = |text: &str| Some(Profile::Named(text.into()));
        for (text, profile) in [
            ("any", Some(Profile::Any)),
            ("Any", Some(Profile::Any)),
            ("3G.40GB", named("3g.40gb")),
            ("1c.3g.40gb", named("1c.3g.40gb")),
            ("1g.10gb+me", named("1g.10gb+me")),
            ("1g.10gb%2Bme.all", named("1g.10gb+me.all")),
            ("1g.24gb-me", named("1g.24gb-me")),
        ] {
            assert_eq!(find_request(&format!("mig={text}")).unwrap().mig, profile, "{text}");
        }
        for text in
            ["true", "1", "3g", "3g.40", "g.40gb", "3g.gb", "c.3g.40gb", "3g.40gb+", "3g.40gbx", "3g.40gb,1g.10gb"]
        {
            assert!(find_request(&format!("mig={text}")).unwrap_err().contains("such as 3g.40gb, or any"), "{text}");
        }
    }

    #[test]
    fn wrong_parameter_named() {
        for (query, part) in [
            ("count=0", "count=\"0\" is invalid; expected a number from 1 to 1000000"),
            ("count=-1", "from 1"),
            ("count=1.0", "from 1"),
            ("count=1000001", "from 1"),
            ("count=99999999999999999999999", "from 1"),
            ("limit=0", "limit"),
            ("limit=all", "limit"),
            ("count=1&count=2", "several values"),
            ("held=yes", "held=\"yes\""),
            ("labels=rack", "key:value"),
            ("labels=:a", "key:value"),
            ("labels=rack:", "key:value"),
            ("labels=a:1,", "key:value"),
            ("labels=a:1&labels=", "key:value"),
        ] {
            let refused = find_request(query).unwrap_err();
            assert!(refused.contains(part), "{query}: {refused}");
        }
        for name in FIND_PARAMETERS {
            let refused = find_request(&format!("{name}=")).unwrap_err();
            assert_eq!(refused, format!("The parameter {name} is empty; give it a value, or leave it out."));
        }
        assert!(find_request(&format!("memory={}", "x".repeat(30_000))).unwrap_err().len() < 300);
    }

    #[test]
    fn answer_serialized() {
        use std::collections::BTreeMap;
        use telemetry::{
            find::{Device, Host, Kind, Uuid, find},
            snapshot::{Severity, UseVerdict},
        };
        let device = Device {
            index: 4,
            uuid: Uuid::new("GPU-1"),
            name: Some("NVIDIA H200".into()),
            kind: Kind::Gpu,
            memory_total_bytes: Some(8),
            memory_free_bytes: Some(7),
            r#use: UseVerdict::Free,
            health: Some(Severity::Ok),
            is_claimed: false,
            is_current: true,
        };
        let (devices, labels) = ([device], BTreeMap::new());
        let host = Host { name: "gpu03", labels: &labels, devices: &devices, is_current: true, comes_last: false };
        let json = |query| {
            let mut answer = find(&find_request(query).unwrap(), std::slice::from_ref(&host));
            answer.choices.iter_mut().for_each(|choice| choice.command = Some("ssh gpu03".into()));
            serde_json::to_string(&answer).unwrap()
        };
        assert_eq!(
            json("memory=0G"),
            concat!(
                r#"{"schema":1,"found":true,"choices":[{"host":"gpu03","devices":[{"index":4,"uuid":"GPU-1","#,
                r#""name":"NVIDIA H200","memory_free_bytes":7}],"cuda_visible_devices":"GPU-1","command":"ssh gpu03"}],"#,
                r#""nearest":[]}"#
            )
        );
        assert_eq!(
            json("memory=1M&count=3"),
            concat!(
                r#"{"schema":1,"found":false,"choices":[],"nearest":[{"host":"gpu03","fitting":0,"#,
                r#""missing":[{"what":"count","devices":2},{"what":"memory","devices":1}]}]}"#
            )
        );
    }
}
