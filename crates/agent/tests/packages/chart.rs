//! The chart, rendered by Helm's own code and validated by Kubernetes' own schemas, of its oldest and its newest version.
//!
//! No cluster is here to try it on. What a schema cannot say is asserted.

use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::kit::{both, repository, tools};

fn render(values: &Value) -> Output {
    let mut python = Command::new(tools("testers/bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packages/chart.py"))
        .arg(repository().join("deploy/helm/nvidia-smi-web-agent"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(values.to_string().as_bytes()).unwrap();
    python.wait_with_output().unwrap()
}

/// The manifests that come of these values.
struct Manifests(Vec<Value>);

impl Manifests {
    fn of(values: &Value) -> Self {
        let output = render(values);
        assert!(output.status.success(), "{values}: {}", both(&output));
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn find(&self, kind: &str) -> Option<&Value> {
        self.0.iter().find(|manifest| manifest["kind"] == kind)
    }

    fn kind(&self, kind: &str) -> &Value {
        self.find(kind).unwrap_or_else(|| panic!("no {kind}"))
    }

    fn pod(&self) -> &Value {
        &self.kind("DaemonSet")["spec"]["template"]["spec"]
    }

    fn agent(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    fn variable(&self, name: &str) -> Value {
        let all = self.agent()["env"].as_array().unwrap();
        let found = all.iter().find(|variable| variable["name"] == name);
        found.map_or(Value::Null, |variable| {
            if variable["value"].is_null() { variable.clone() } else { variable["value"].clone() }
        })
    }
}

#[test]
fn chart_default_asks_kubelet_as_root_without_capabilities() {
    let manifests = Manifests::of(&json!({}));
    let (pod, agent) = (manifests.pod(), manifests.agent());
    assert_eq!(pod["hostPID"], true);
    assert_eq!(pod["runtimeClassName"], "nvidia");
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["nodeSelector"], json!({ "nvidia.com/gpu.present": "true" }));
    assert_eq!(pod["tolerations"][0]["key"], "nvidia.com/gpu");
    assert_eq!(pod["securityContext"]["runAsUser"], 0);
    assert_eq!(
        agent["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        })
    );
    assert_eq!(agent["volumeMounts"][0]["readOnly"], true);
    assert_eq!(pod["volumes"][0]["hostPath"]["path"], "/var/lib/kubelet/pod-resources");
    assert_eq!(manifests.variable("NVSMI_KUBELET_SOCKET"), "/var/lib/kubelet/pod-resources/kubelet.sock");
    assert_eq!(manifests.variable("TOKEN"), Value::Null);
    assert_eq!(manifests.variable("NVSMI_HOSTNAME")["valueFrom"]["fieldRef"]["fieldPath"], "spec.nodeName");
    let notes = manifests.kind("NOTES")["text"].as_str().unwrap();
    assert!(notes.contains("The API is OPEN") && notes.contains("curl http://"), "{notes}");
    assert!(manifests.find("Secret").is_none() && manifests.find("ServiceMonitor").is_none());
    assert!(manifests.find("NetworkPolicy").is_none());
}

#[test]
fn chart_probes_tolerate_hung_driver() {
    let manifests = Manifests::of(&json!({ "urlPrefix": "/gpus/" }));
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(manifests.agent()[probe]["httpGet"]["path"], "/gpus/healthz", "{probe}");
    }
    let service = &manifests.kind("Service")["spec"];
    assert_eq!(service["publishNotReadyAddresses"], true);
    assert_eq!(service["clusterIP"], "None", "hosts are asked one by one");
    assert_eq!(service["selector"], manifests.kind("DaemonSet")["spec"]["selector"]["matchLabels"]);
    assert_eq!(manifests.variable("URL_PREFIX"), "/gpus");
}

#[test]
fn chart_without_pod_labels_runs_as_nobody() {
    let manifests = Manifests::of(&json!({ "podLabels": { "enabled": false } }));
    let security = &manifests.pod()["securityContext"];
    assert_eq!((&security["runAsNonRoot"], &security["runAsUser"]), (&json!(true), &json!(65532)));
    assert!(manifests.pod()["volumes"].is_null() && manifests.agent()["volumeMounts"].is_null());
    assert_eq!(manifests.variable("NVSMI_KUBELET_SOCKET"), Value::Null);
}

#[test]
fn chart_token_is_secret_shared_with_prometheus() {
    let given = Manifests::of(&json!({ "token": { "value": "hush" }, "serviceMonitor": { "enabled": true } }));
    assert_eq!(given.kind("Secret")["stringData"], json!({ "token": "hush" }));
    let reference = json!({ "name": "gpus-nvidia-smi-web-agent", "key": "token" });
    assert_eq!(given.variable("TOKEN")["valueFrom"]["secretKeyRef"], reference);
    assert_eq!(given.kind("ServiceMonitor")["spec"]["endpoints"][0]["authorization"]["credentials"], reference);
    let pods = given.kind("DaemonSet").to_string();
    assert!(!pods.contains("hush"));
    // Nor does a sum of it: of a weak one it could be tried which has that sum.
    assert!(given.kind("DaemonSet")["spec"]["template"]["metadata"]["annotations"].is_null(), "{pods}");
    let notes = given.kind("NOTES")["text"].as_str().unwrap();
    assert!(!notes.contains("OPEN") && !notes.contains("hush"), "{notes}");
    let fetches =
        "TOKEN=$(kubectl -n monitoring get secret gpus-nvidia-smi-web-agent -o jsonpath='{.data.token}' | base64 -d)";
    assert!(notes.contains(fetches) && notes.contains("curl -H \"Authorization: Bearer $TOKEN\" http://"), "{notes}");

    let named = Manifests::of(&json!({ "token": { "existingSecret": "mine", "key": "t.x" } }));
    assert!(named.find("Secret").is_none());
    assert_eq!(named.variable("TOKEN")["valueFrom"]["secretKeyRef"], json!({ "name": "mine", "key": "t.x" }));
    assert!(named.kind("NOTES")["text"].as_str().unwrap().contains("get secret mine -o jsonpath='{.data.t\\.x}'"));
}

#[test]
fn chart_tokens_file_has_own_prometheus_token() {
    let manifests = Manifests::of(&json!({
        "podLabels": { "enabled": false },
        "tokens": { "existingSecret": "mine", "key": "list" },
        "serviceMonitor": { "enabled": true, "token": { "existingSecret": "prometheus", "key": "t" } },
    }));
    assert_eq!(manifests.variable("NVSMI_TOKEN_FILE"), "/tokens/list");
    assert_eq!(
        manifests.agent()["volumeMounts"],
        json!([{ "name": "tokens", "mountPath": "/tokens", "readOnly": true }])
    );
    assert_eq!(manifests.pod()["volumes"][0]["secret"], json!({ "secretName": "mine", "defaultMode": 0o440 }));
    assert_eq!(manifests.pod()["securityContext"]["fsGroup"], 65532, "who is nobody may read it");
    let endpoint = &manifests.kind("ServiceMonitor")["spec"]["endpoints"][0];
    assert_eq!(endpoint["authorization"]["credentials"], json!({ "name": "prometheus", "key": "t" }));
    let notes = manifests.kind("NOTES")["text"].as_str().unwrap();
    assert!(!notes.contains("OPEN") && notes.contains("pod-security.kubernetes.io/enforce=privileged"), "{notes}");
    assert!(notes.contains("get secret mine -o jsonpath='{.data.list}' | base64 -d | awk '$2 == \"read\""), "{notes}");
}

#[test]
fn chart_lets_gpu_operator_evict_it() {
    let manifests = Manifests::of(&json!({ "gpuOperator": { "enabled": true } }));
    assert_eq!(
        manifests.pod()["nodeSelector"],
        json!({ "nvidia.com/gpu.deploy.dcgm-exporter": "true", "nvidia.com/gpu.present": "true" })
    );
    let bare = Manifests::of(&json!({ "nodeSelector": null, "runtimeClassName": null, "tolerations": [] }));
    for absent in ["nodeSelector", "runtimeClassName", "tolerations"] {
        assert!(bare.pod()[absent].is_null(), "{absent}");
    }
}

#[test]
fn chart_has_monitor_and_network_policy() {
    let manifests = Manifests::of(&json!({
        "urlPrefix": "gpus",
        "tls": { "existingSecret": "certificate" },
        "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" } },
        "networkPolicy": { "enabled": true, "from": [{ "namespaceSelector": {} }] },
        "env": { "NVSMI_COMMANDS": "hidden", "NVSMI_STREAM_CLIENTS": 10 },
    }));
    let monitor = manifests.kind("ServiceMonitor");
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    assert_eq!((&endpoint["path"], &endpoint["scheme"]), (&json!("/gpus/metrics"), &json!("https")));
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], manifests.kind("Service")["spec"]["selector"]);
    let policy = &manifests.kind("NetworkPolicy")["spec"];
    assert_eq!((&policy["egress"], &policy["ingress"][0]["from"]), (&json!([]), &json!([{ "namespaceSelector": {} }])));
    assert_eq!(manifests.agent()["livenessProbe"]["httpGet"]["scheme"], "HTTPS");
    assert_eq!(manifests.variable("NVSMI_STREAM_CLIENTS"), "10", "a variable is a text");
    assert_eq!(manifests.variable("NVSMI_TLS_CERT"), "/tls/tls.crt");
}

#[test]
fn chart_listens_on_ipv6() {
    assert_eq!(Manifests::of(&json!({})).variable("NVSMI_BIND"), Value::Null);
    assert_eq!(Manifests::of(&json!({ "bind": "[::]" })).variable("NVSMI_BIND"), "[::]");
}

#[test]
fn chart_hostname_can_be_replaced() {
    let manifests = Manifests::of(&json!({ "env": { "NVSMI_HOSTNAME": "lab" } }));
    let names = manifests.agent()["env"].as_array().unwrap().iter().map(|variable| &variable["name"]);
    assert_eq!(names.filter(|name| *name == "NVSMI_HOSTNAME").count(), 1);
    assert_eq!(manifests.variable("NVSMI_HOSTNAME"), "lab");
}

/// The manifest of a kind that belongs to the hub.
fn of_hub<'a>(manifests: &'a Manifests, kind: &str) -> &'a Value {
    let name = "gpus-nvidia-smi-web-agent-hub";
    let found = manifests.0.iter().find(|manifest| manifest["kind"] == kind && manifest["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} of the hub"))
}

/// Variables of the hub.
fn hub_variable<'a>(manifests: &'a Manifests, name: &str) -> &'a Value {
    let container = &of_hub(manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let found = container["env"].as_array().unwrap().iter().find(|variable| variable["name"] == name);
    found.map_or(&Value::Null, |variable| if variable["value"].is_null() { variable } else { &variable["value"] })
}

#[test]
fn chart_hub_finds_agents_through_their_service() {
    let manifests = Manifests::of(&json!({ "hub": { "enabled": true } }));
    assert_eq!(hub_variable(&manifests, "NVSMI_HUB_HOSTS"), "dns+a://gpus-nvidia-smi-web-agent.monitoring.svc:8000");
    let pod = &of_hub(&manifests, "Deployment")["spec"]["template"];
    let agents = &manifests.kind("DaemonSet")["spec"]["selector"]["matchLabels"];
    assert_ne!(&pod["metadata"]["labels"]["app.kubernetes.io/name"], &agents["app.kubernetes.io/name"]);
    assert_eq!(
        of_hub(&manifests, "Service")["spec"]["selector"],
        of_hub(&manifests, "Deployment")["spec"]["selector"]["matchLabels"]
    );
    assert!(
        pod["spec"]["hostPID"].is_null()
            && pod["spec"]["runtimeClassName"].is_null()
            && pod["spec"]["volumes"].is_null()
    );
    assert_eq!(pod["spec"]["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["spec"]["containers"][0]["args"], json!(["hub"]));
    assert!(manifests.kind("NOTES")["text"].as_str().unwrap().contains("The hub is OPEN"));
    assert!(Manifests::of(&json!({})).find("Deployment").is_none());
}

#[test]
fn chart_hub_has_own_tokens_and_sends_those_of_agents() {
    let manifests = Manifests::of(&json!({
        "token": { "value": "hush" },
        "hub": { "enabled": true, "token": { "value": "viewers-word" }, "replicas": 3 },
        "networkPolicy": { "enabled": true },
    }));
    assert_eq!(of_hub(&manifests, "Secret")["stringData"], json!({ "token": "viewers-word" }));
    assert_eq!(hub_variable(&manifests, "NVSMI_AGENT_TOKEN_FILE"), "/agent-tokens/token");
    let deployment = of_hub(&manifests, "Deployment");
    assert_eq!(deployment["spec"]["replicas"], 3);
    let volumes = &deployment["spec"]["template"]["spec"]["volumes"];
    assert_eq!(volumes[0]["secret"]["secretName"], "gpus-nvidia-smi-web-agent");
    assert!(
        !deployment.to_string().contains("hush") && !deployment.to_string().contains("viewers-word"),
        "{deployment}"
    );
    let from = &manifests.kind("NetworkPolicy")["spec"]["ingress"][0]["from"];
    assert_eq!(from[0]["podSelector"]["matchLabels"], deployment["spec"]["selector"]["matchLabels"]);
    let list = Manifests::of(&json!({
        "tls": { "existingSecret": "tls" },
        "hub": {
            "enabled": true, "hosts": "https://inventory.example/hosts",
            "tokens": { "existingSecret": "viewers" }, "agentTokens": { "existingSecret": "agents", "key": "list" },
        },
    }));
    assert_eq!(hub_variable(&list, "NVSMI_HUB_HOSTS"), "https://inventory.example/hosts");
    assert_eq!(hub_variable(&list, "NVSMI_TOKEN_FILE"), "/tokens/tokens");
    assert_eq!(hub_variable(&list, "NVSMI_AGENT_TOKEN_FILE"), "/agent-tokens/list");
}

#[test]
fn chart_rejects_invalid_values_by_name() {
    for (values, part) in [
        (json!({ "prot": 1 }), "prot"),
        (json!({ "port": 70000 }), "port"),
        (json!({ "token": { "secret": "x" } }), "secret"),
        (json!({ "token": { "value": "x", "existingSecret": "y" } }), "give one"),
        (json!({ "networkPolicy": { "enabled": true } }), "names nobody"),
        (json!({ "token": { "value": "x" }, "hub": { "enabled": true } }), "hub.anonymous"),
        (json!({ "tls": { "existingSecret": "x" }, "hub": { "enabled": true } }), "hub.hosts"),
        (json!({ "tokens": { "existingSecret": "x" }, "hub": { "enabled": true } }), "hub.agentTokens"),
        (json!({ "hub": { "hots": "x" } }), "hots"),
        (json!({ "tokens": { "existingSecret": "x" }, "serviceMonitor": { "enabled": true } }), "serviceMonitor.token"),
    ] {
        let output = render(&values);
        assert!(!output.status.success(), "{values}");
        assert!(both(&output).contains(part), "{values}: {}", both(&output));
    }
}

#[test]
fn chart_version_is_program_version() {
    let chart = fs::read_to_string(repository().join("deploy/helm/nvidia-smi-web-agent/Chart.yaml")).unwrap();
    for line in ["version: ", "appVersion: "] {
        let expected = format!("\n{line}{}\n", env!("CARGO_PKG_VERSION"));
        assert!(chart.contains(&expected), "{expected} in {chart}");
    }
}
