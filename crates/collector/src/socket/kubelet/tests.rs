use std::convert::Infallible;

use hyper::{HeaderMap, Response, header::HeaderValue, server::conn::http2 as server, service::service_fn};
use proptest::prelude::*;
use telemetry::{Absence, sample::Device};
use tokio::io::AsyncWriteExt as _;

use super::*;

const GPU: &str = "GPU-8d2c1f6e-3a4b-4c5d-9e0f-a1b2c3d4e5f6";

fn pod(name: &str, container: &str, resource: &str, ids: &[&str]) -> PodResources {
    let devices =
        ContainerDevices { resource_name: resource.into(), device_ids: ids.iter().map(|&id| id.into()).collect() };
    let containers =
        vec![ContainerResources { name: container.into(), devices: vec![devices], dynamic_resources: vec![] }];
    PodResources { name: name.into(), namespace: "ml".into(), containers }
}

fn given(device: &str, pod: &str) -> Allocation {
    let to = PodContainer { namespace: "ml".into(), pod: pod.into(), container: "main".into() };
    Allocation { device: Device::Uuid(device.into()), to }
}

fn framed(pods: Vec<PodResources>) -> Vec<u8> {
    let message = ListPodResourcesResponse { pod_resources: pods }.encode_to_vec();
    [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat()
}

/// Response of a kubelet.
struct Answer {
    http: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    trailers: Vec<(&'static str, &'static str)>,
}

fn fine(pods: Vec<PodResources>) -> Answer {
    Answer { http: 200, headers: vec![], body: framed(pods), trailers: vec![("grpc-status", "0")] }
}

fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

fn asked(answer: &Answer) -> Result<Vec<Allocation>, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (near, far) = tokio::io::duplex(64 * 1024);
    runtime.block_on(async {
        let trailers = map(&answer.trailers);
        let body = Full::new(Bytes::from(answer.body.clone())).with_trailers(async { Some(Ok(trailers)) });
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(answer.http).unwrap();
        response.headers_mut().extend(map(&answer.headers));
        let response = std::sync::Mutex::new(Some(response));
        let serve = service_fn(move |request: Request<hyper::body::Incoming>| {
            assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v1.PodResourcesLister/List"));
            assert_eq!(request.headers()[CONTENT_TYPE], "application/grpc");
            assert_eq!(request.headers()[TE], "trailers");
            let response = response.lock().unwrap().take().unwrap();
            async { Ok::<_, Infallible>(response) }
        });
        let serves = server::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(far), serve);
        let serves = tokio::spawn(serves);
        let outcome = list(near).await;
        serves.abort();
        outcome
    })
}

#[test]
fn claimed_devices_are_allocations() {
    let mut pod = pod("claims", "main", "nvidia.com/gpu", &[]);
    pod.containers[0].devices.clear();
    let claim = |driver: &str, device: &str| ClaimResource {
        cdi_devices: vec![CdiDevice { name: format!("k8s.{driver}/device={device}") }],
        driver_name: driver.into(),
        device_name: device.into(),
    };
    let claim_resources = vec![claim("gpu.nvidia.com", "gpu-3"), claim("net.example.com", "eth-0")];
    pod.containers[0].dynamic_resources = vec![DynamicResource { claim_resources }];
    let found = asked(&fine(vec![pod])).unwrap();
    let expected = Allocation { device: Device::Claimed { number: Some(3), is_part: false }, ..given(GPU, "claims") };
    assert_eq!(found, [expected]);
}

#[test]
fn allocations_whole_partial_and_shared_parsed() {
    const MIG: &str = "MIG-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d";
    let replicas = [&*format!("{GPU}::1"), &*format!("{GPU}::4")];
    let pods = vec![
        pod("whole", "main", "nvidia.com/gpu", &[GPU]),
        pod("part", "main", "nvidia.com/mig-1g.10gb", &[MIG]),
        pod("shared", "main", "nvidia.com/gpu.shared", &replicas),
        pod("network", "main", "nvidia.com/hostdev", &["0000:3b:00.0"]),
        pod("theirs", "main", "amd.com/gpu", &[GPU]),
        pod("none", "main", "nvidia.com/gpu", &[]),
        PodResources { name: "\u{1b}".into(), namespace: String::new(), containers: vec![] },
    ];
    assert_eq!(asked(&fine(pods)), Ok(vec![given(GPU, "shared"), given(GPU, "whole"), given(MIG, "part")]));
    assert_eq!(asked(&fine(vec![])), Ok(vec![]));
}

#[test]
fn answer_invalid_is_named_fault() {
    let one = || vec![pod("a", "main", "nvidia.com/gpu", &[GPU])];
    let bad = |name: &str| vec![pod(name, "main", "nvidia.com/gpu", &[GPU])];
    let body = |body: Vec<u8>| Answer { body, ..fine(vec![]) };
    let many: Vec<String> = (0..5000).map(|id| format!("GPU-{id}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let code = |code| Answer { trailers: vec![("grpc-status", code)], body: vec![], ..fine(vec![]) };
    for (what, answer, part) in [
        ("HTTP", Answer { http: 404, ..fine(one()) }, "status 404"),
        ("no status", Answer { trailers: vec![], ..fine(one()) }, "without a gRPC status"),
        ("a status of words", code("fine"), "without a gRPC status"),
        ("a failure", code("14"), "gRPC status 14"),
        ("a failure at once", Answer { headers: vec![("grpc-status", "12")], ..code("x") }, "1.20"),
        ("no message", body(vec![]), "cut off"),
        ("half", body(framed(one())[..20].to_vec()), "cut off"),
        ("more than one", body([framed(one()), framed(one())].concat()), "cut off"),
        ("compressed", body([&[1], &framed(one())[1..]].concat()), "compressed"),
        ("no message of this kind", body(vec![0, 0, 0, 0, 2, 0xff, 0xff]), "invalid"),
        ("too long", body(vec![0; MAX_BYTES + 1]), "limit"),
        ("a nameless pod", fine(bad("")), "Kubernetes name"),
        ("an escape", fine(bad("\u{1b}[2J")), "Kubernetes name"),
        ("a long name", fine(bad(&"x".repeat(254))), "Kubernetes name"),
        ("too many", fine(vec![pod("a", "main", "nvidia.com/gpu", &many)]), "more than 4096"),
    ] {
        let fault = asked(&answer).unwrap_err();
        assert!(fault.why == Absence::Error && fault.text.contains(part), "{what}: {fault:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_tolerated(bytes in any::<Vec<u8>>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let outcome = runtime.block_on(async {
            let _ = far.write_all(&bytes).await;
            drop(far);
            list(near).await
        });
        prop_assert!(outcome.is_err());
    }

    #[test]
    fn arbitrary_message_tolerated(bytes in any::<Vec<u8>>()) {
        let _ = message(&bytes);
        if let Ok(response) = ListPodResourcesResponse::decode(&*bytes) {
            prop_assert!(allocations(response).is_ok_and(|all| all.is_empty()) || bytes.len() > 20);
        }
    }

    #[test]
    fn mutated_message_gives_valid_names(
        place in any::<prop::sample::Index>(),
        with in any::<Vec<u8>>(),
    ) {
        let mut bytes = framed(vec![pod("a", "main", "nvidia.com/gpu", &[GPU])])[5..].to_vec();
        let place = place.index(bytes.len());
        bytes.splice(place..(place + with.len() / 2).min(bytes.len()), with);
        let decoded = ListPodResourcesResponse::decode(&*bytes).ok();
        for Allocation { to, .. } in decoded.and_then(|response| allocations(response).ok()).into_iter().flatten() {
            prop_assert!(is_name(&to.namespace) && is_name(&to.pod) && is_name(&to.container));
        }
    }
}
