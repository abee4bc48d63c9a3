//! The list of targets in Prometheus' `http_sd` format, for Prometheus and for other hubs.

use serde_json::{Map, Value, json};

use crate::target::{Scheme, Target, TargetList};

/// The list as JSON; none until it is loaded, since an empty list makes Prometheus drop every target.
#[must_use]
pub fn http_sd(list: &TargetList) -> Option<String> {
    let groups: Vec<Value> = list.targets.iter().map(|target| group(target)).collect();
    list.is_loaded.then(|| Value::Array(groups).to_string())
}

/// A target with all that another reader needs to find it and to call it by the same name.
fn group(target: &Target) -> Value {
    let Target { endpoint, name, labels, ssh_host, notes: _ } = target;
    let mut all: Map<String, Value> =
        labels.iter().map(|(name, value)| (name.to_string(), Value::from(&**value))).collect();
    all.insert("name".into(), Value::from(&**name));
    if let Some(ssh_host) = ssh_host {
        all.insert("ssh_host".into(), Value::from(&**ssh_host));
    }
    if endpoint.scheme == Scheme::Https {
        all.insert("__scheme__".into(), Value::from(endpoint.scheme.as_str()));
    }
    if !endpoint.prefix.is_empty() {
        all.insert("__metrics_path__".into(), Value::from(format!("{}/metrics", endpoint.prefix)));
    }
    json!({"targets": [endpoint.authority()], "labels": all})
}
