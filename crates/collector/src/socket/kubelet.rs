//! Client of the kubelet's PodResources service, version 1: the devices allocated to containers. gRPC is one `POST`
//! over HTTP/2 with a Protocol Buffers message; no more of it is implemented here.

use std::collections::BTreeSet;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Request, StatusCode,
    client::conn::http2,
    header::{CONTENT_TYPE, TE},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use telemetry::sample::{Allocation, PodContainer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::socket::{Fault, claim, plugin};

const LIST: &str = "http://localhost/v1.PodResourcesLister/List";
/// Empty argument as a gRPC frame: not compressed, length 0.
const NO_ARGUMENT: &[u8] = &[0; 5];
/// Limit of a response. A node has hundreds of containers of some hundred bytes each.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Limit of allocations. Sixteen GPUs with seven instances each, shared by dozens of containers, have fewer.
const MAX_ALLOCATIONS: usize = 4096;
/// Longest name in Kubernetes.
const NAME_BYTES: usize = 253;
/// gRPC's code for an unimplemented method.
const UNIMPLEMENTED: u32 = 12;

#[derive(Clone, PartialEq, Message)]
struct ListPodResourcesResponse {
    #[prost(message, repeated, tag = "1")]
    pod_resources: Vec<PodResources>,
}

#[derive(Clone, PartialEq, Message)]
struct PodResources {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    namespace: String,
    #[prost(message, repeated, tag = "3")]
    containers: Vec<ContainerResources>,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerResources {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    devices: Vec<ContainerDevices>,
    #[prost(message, repeated, tag = "5")]
    dynamic_resources: Vec<DynamicResource>,
}

/// A resource claim that the container uses.
#[derive(Clone, PartialEq, Message)]
struct DynamicResource {
    #[prost(message, repeated, tag = "4")]
    claim_resources: Vec<ClaimResource>,
}

#[derive(Clone, PartialEq, Message)]
struct ClaimResource {
    #[prost(message, repeated, tag = "1")]
    cdi_devices: Vec<CdiDevice>,
    #[prost(string, tag = "2")]
    driver_name: String,
    #[prost(string, tag = "4")]
    device_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct CdiDevice {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerDevices {
    #[prost(string, tag = "1")]
    resource_name: String,
    #[prost(string, repeated, tag = "2")]
    device_ids: Vec<String>,
}

/// Returns every NVIDIA device allocated to a container, each pair once.
pub(crate) async fn list(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<Vec<Allocation>, Fault> {
    let body = call(stream).await?;
    let message = message(&body).ok_or_else(|| Fault::error("gave an answer that is cut off, or compressed"))?;
    let response = ListPodResourcesResponse::decode(message)
        .map_err(|error| Fault::error(format!("sent an invalid PodResources response: {error}")))?;
    allocations(response)
}

async fn call(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Bytes, Fault> {
    let unreadable =
        |error: &dyn std::fmt::Display| Fault::error(format!("gave no gRPC answer that can be read: {error}"));
    let request = Request::post(LIST).header(CONTENT_TYPE, "application/grpc").header(TE, "trailers");
    let request = request.body(Full::new(Bytes::from_static(NO_ARGUMENT)));
    let request = request.map_err(|error| Fault::error(format!("cannot be asked for {LIST}: {error}")))?;
    let shaken = http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| unreadable(&error))?;
    // The task ends with the runtime.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| unreadable(&error))?;
    let (head, body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(Fault::error(format!("answered with HTTP status {}", head.status.as_u16())));
    }
    let body = Limited::new(body, MAX_BYTES).collect().await.map_err(|error| unreadable(&error))?;
    // A call that fails at once has its status in the headers.
    let status = body.trailers().and_then(status).or_else(|| status(&head.headers));
    judge(status)?;
    Ok(body.to_bytes())
}

fn status(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

fn judge(status: Option<u32>) -> Result<(), Fault> {
    match status {
        Some(0) => Ok(()),
        Some(UNIMPLEMENTED) => Err(Fault::error(
            "does not know the service v1.PodResourcesLister; it must be the pod-resources socket of a kubelet of 1.20 \
             or newer",
        )),
        Some(status) => Err(Fault::error(format!("answered with gRPC status {status}"))),
        None => Err(Fault::error("ended its answer without a gRPC status")),
    }
}

/// Returns the message in a response: a byte for compression, the length, and the message.
fn message(body: &[u8]) -> Option<&[u8]> {
    let (head, message) = body.split_first_chunk::<5>()?;
    let [0, length @ ..] = *head else { return None };
    (message.len() == u32::from_be_bytes(length) as usize).then_some(message)
}

fn allocations(response: ListPodResourcesResponse) -> Result<Vec<Allocation>, Fault> {
    let mut all = BTreeSet::new();
    for pod in response.pod_resources {
        for container in pod.containers {
            let ids = container.devices.iter().filter(|devices| plugin::is_nvidias(&devices.resource_name));
            let claims = container.dynamic_resources.iter().flat_map(|resource| &resource.claim_resources);
            let claimed = claims.filter_map(|claim| {
                let cdi = claim.cdi_devices.iter().map(|device| device.name.as_str());
                claim::device(&claim.driver_name, &claim.device_name, cdi)
            });
            let mut devices = ids
                .flat_map(|devices| &devices.device_ids)
                .filter_map(|id| plugin::device(id))
                .chain(claimed)
                .peekable();
            if devices.peek().is_none() {
                continue;
            }
            if ![&pod.namespace, &pod.name, &container.name].into_iter().all(|name| is_name(name)) {
                return Err(Fault::error("sent an invalid Kubernetes name"));
            }
            for device in devices {
                let to = PodContainer {
                    namespace: pod.namespace.clone(),
                    pod: pod.name.clone(),
                    container: container.name.clone(),
                };
                all.insert(Allocation { device, to });
            }
            if all.len() > MAX_ALLOCATIONS {
                return Err(Fault::error(format!("reported more than {MAX_ALLOCATIONS} allocated devices")));
            }
        }
    }
    Ok(all.into_iter().collect())
}

fn is_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    !name.is_empty() && name.len() <= NAME_BYTES && name.bytes().all(fine)
}

#[cfg(test)]
mod tests;
