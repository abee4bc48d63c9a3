//! A client of the stream, which merges what it receives.

use std::io::Read as _;

use http_server::gzip;
use serde_json::json;

use super::*;

/// A reader of everything, or of the GPUs of some hosts.
pub(super) struct Reader {
    audience: Audience,
    form: Form,
    rows: Option<Vec<String>>,
    last: Option<u64>,
    shown: Value,
}

impl Reader {
    pub(super) fn new(audience: Audience, form: Form, rows: Option<Vec<&str>>) -> Self {
        let rows = rows.map(|rows| rows.into_iter().map(str::to_owned).collect());
        Self { audience, form, rows, last: None, shown: Value::Null }
    }

    /// Takes the event of this publication.
    pub(super) fn read(&mut self, published: &Published) {
        let Self { audience, form, .. } = *self;
        let rows: Option<Vec<&Arc<HostRow>>> = self.rows.as_ref().map(|names| {
            published.hosts.iter().filter(|row| names.iter().any(|name| **name == **row.name())).collect()
        });
        let is_next = self.last.is_some_and(|last| last + 1 == published.sequence);
        let bytes = match (&rows, is_next) {
            (None, true) => published.changes_event(audience, form).unwrap_or_default().to_vec(),
            (Some(rows), true) => published.changes_event_of(rows, audience, form).unwrap_or_default().to_vec(),
            (None, false) => published.fleet_event(audience, form).concat(),
            (Some(rows), false) => published.fleet_event_of(rows, audience, form).concat(),
        };
        self.last = Some(published.sequence);
        let text = match form {
            Form::Plain => String::from_utf8(bytes).unwrap(),
            Form::Packed => {
                let mut text = String::new();
                let stream = [gzip::STREAM_HEADER, &bytes].concat();
                // The stream has no end yet.
                let _ = flate2_read(&stream).read_to_string(&mut text);
                text
            }
        };
        for event in text.split_terminator("\n\n") {
            let (name, data) = event.split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            match name {
                "event: fleet" => self.shown = data,
                "event: hosts" => self.merge(data),
                other => panic!("{other}"),
            }
        }
    }

    fn merge(&mut self, event: Value) {
        let hosts = self.shown["hosts"].as_array_mut().unwrap();
        for name in event["removed"].as_array().unwrap() {
            hosts.retain(|host| host["name"] != *name);
        }
        for mut entry in event["hosts"].as_array().unwrap().clone() {
            let place = hosts.iter().position(|host| host["name"] == entry["name"]);
            if entry.as_object_mut().unwrap().shift_remove("whole").is_some() {
                match place {
                    Some(place) => hosts[place] = entry,
                    None => hosts.push(entry),
                }
                continue;
            }
            let host = &mut hosts[place.unwrap()];
            for (key, value) in entry.as_object().unwrap() {
                if key != "gpus" {
                    host[key] = value.clone();
                    continue;
                }
                for gpu in value.as_array().unwrap() {
                    let shown = host["gpus"].as_array_mut().unwrap();
                    let shown = shown.iter_mut().find(|shown| shown["index"] == gpu["index"]).unwrap();
                    gpu.as_object().unwrap().iter().for_each(|(key, value)| shown[key] = value.clone());
                }
            }
        }
        hosts.sort_by(|one, other| one["name"].as_str().cmp(&other["name"].as_str()));
        if let Some(totals) = event.get("totals") {
            self.shown["totals"] = totals.clone();
        }
        if let Some(notes) = event.get("notes") {
            self.shown["notes"] = notes.clone();
        }
    }

    /// Everything that is shown, without what deltas leave out.
    pub(super) fn shown(&self) -> Value {
        self.comparable(self.shown.clone())
    }

    pub(super) fn expected(&self, published: &Published) -> Value {
        let mut expected = everything(published, self.audience);
        for host in expected["hosts"].as_array_mut().unwrap() {
            if self.rows.as_ref().is_some_and(|rows| !rows.iter().any(|row| host["name"] == row.as_str())) {
                host.as_object_mut().unwrap().shift_remove("gpus");
            }
        }
        self.comparable(expected)
    }

    fn comparable(&self, mut all: Value) -> Value {
        all["at"] = json!(0);
        for host in all["hosts"].as_array_mut().unwrap() {
            let host = host.as_object_mut().unwrap();
            host.shift_remove("age_ms");
            if !host.contains_key("gpus") {
                host.shift_remove("read_at");
            }
        }
        all
    }
}

fn flate2_read(bytes: &[u8]) -> flate2::read::GzDecoder<&[u8]> {
    flate2::read::GzDecoder::new(bytes)
}

fn changes(published: &Published) -> String {
    let event = published.changes_event(Audience::Read, Form::Plain).unwrap_or_default();
    String::from_utf8(event.to_vec()).unwrap()
}

#[test]
fn delta_has_changed_fields_only() {
    let mut hub = Hub::new(&["a", "b"]);
    let two =
        |free| vec![gpu(0, UseVerdict::Busy), GpuReport { memory_free_bytes: Some(free), ..gpu(1, UseVerdict::Free) }];
    hub.see("a", seen(report(two(60))), 10);
    hub.publish(10);
    hub.see("a", seen(report(two(50))), 1010);
    let published = hub.publish(1010);
    let read_at = BEGIN + 810;
    assert_eq!(
        changes(&published),
        format!(
            "event: hosts\ndata: {{\"at\":{},\"hosts\":[{{\"name\":\"a\",\"gpus\":[{{\"index\":1,\"memory_free_bytes\":50}}],\
             \"read_at\":{read_at}}}],\"removed\":[],\"totals\":{}}}\n\n",
            BEGIN + 1010,
            everything(&published, Audience::Read)["totals"],
        )
    );
    // Nothing changed, so nothing is written.
    let published = hub.publish(1500);
    assert_eq!((changes(&published).as_str(), published.hosts[0].changed()), ("", 2));
    // A heartbeat moves the time of the reading only.
    hub.see("a", seen(report(two(50))), 2010);
    let heartbeat = changes(&hub.publish(2010));
    assert!(
        heartbeat.contains(&format!("[{{\"name\":\"a\",\"read_at\":{}}}],\"removed\":[]}}", BEGIN + 1810)),
        "{heartbeat}"
    );
    let quiet = hub.publish(2020);
    assert_eq!(quiet.changes_event_of(&[&quiet.hosts[0]], Audience::Read, Form::Plain), None);
}

#[test]
fn change_of_users_invisible_below_read() {
    let mut hub = Hub::new(&["a"]);
    let of = |user: &str| {
        let mig = vec![MigReport { users: Some(vec![user.into()]), ..instance("x", UseVerdict::Busy) }];
        report(vec![GpuReport { users: Some(vec![user.into()]), mig, ..gpu(0, UseVerdict::Busy) }])
    };
    hub.see("a", seen(of("alice")), 10);
    hub.publish(10);
    hub.see("a", seen(of("carol")), 1010);
    let published = hub.publish(1010);
    let event = |audience| published.changes_event(audience, Form::Plain).unwrap();
    assert!(event(Audience::Read).windows(5).any(|part| part == b"carol"));
    let summary = String::from_utf8(event(Audience::Summary).to_vec()).unwrap();
    assert!(!summary.contains("gpus\":[") && summary.contains("read_at"), "{summary}");
}

#[test]
fn other_rows_have_no_gpus() {
    let mut hub = Hub::new(&["a", "b"]);
    for name in ["a", "b"] {
        hub.see(name, seen(report(vec![gpu(0, UseVerdict::Free)])), 10);
    }
    let published = hub.publish(10);
    let mut reader = Reader::new(Audience::Read, Form::Packed, Some(vec!["b", "no-such-host"]));
    reader.read(&published);
    let shown = reader.shown();
    assert_eq!((shown["hosts"][0].get("gpus"), &shown["hosts"][0]["counts"]["gpus"]["free"]), (None, &1.into()));
    assert_eq!(shown["hosts"][1]["gpus"][0]["use"], "free");
    for name in ["a", "b"] {
        hub.see(
            name,
            seen(report(vec![GpuReport { utilization_percent: Some(99), ..gpu(0, UseVerdict::Free) }])),
            1010,
        );
    }
    let published = hub.publish(1010);
    let event = published.changes_event_of(&[&published.hosts[1]], Audience::Read, Form::Plain).unwrap();
    let event = String::from_utf8(event.to_vec()).unwrap();
    assert!(!event.contains("\"a\"") && event.contains("99"), "{event}");
}

#[test]
fn rendered_once_and_shared() {
    let mut hub = Hub::new(&["a"]);
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 10);
    let published = hub.publish(10);
    let file = |published: &Published| published.everything(Audience::Read, true).0;
    assert_eq!(file(&published).as_ptr(), file(&published).as_ptr());
    let mut text = String::new();
    flate2_read(&file(&published)).read_to_string(&mut text).unwrap();
    assert_eq!(text.as_bytes(), published.everything(Audience::Read, false).0);
    let later = hub.publish(1000);
    assert!(Arc::ptr_eq(&published.hosts[0], &later.hosts[0]));
}
