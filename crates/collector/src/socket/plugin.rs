//! Parser of the device names of device plugins: a pure function from a name to a device or none.

use telemetry::sample::Device;

/// Longest device id; NVML's UUIDs are shorter.
const UUID_BYTES: usize = 96;

/// Returns whether a resource is a GPU: `nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`, or an administrator's name for
/// them.
pub(super) fn is_nvidias(resource: &str) -> bool {
    resource.starts_with("nvidia.com/")
}

/// Returns the device of an id. None for anything but a GPU or a MIG instance, such as a network card or a GPU that is
/// passed through to a virtual machine.
pub(super) fn device(id: &str) -> Option<Device> {
    // A shared GPU is allocated as replicas: `GPU-…::3`, and Google's `nvidia0/vgpu3`.
    let id = id.split_once("::").map_or(id, |(device, _)| device);
    let id = id.split_once("/vgpu").map_or(id, |(device, _)| device);
    if let Some(place) = id.strip_prefix("nvidia") {
        let (minor, gpu_instance) = match place.split_once("/gi") {
            Some((minor, instance)) => (minor, Some(number(instance)?)),
            None => (place, None),
        };
        return Some(Device::Minor { minor: number(minor)?, gpu_instance });
    }
    if let Some(place) = id.strip_prefix("MIG-GPU-") {
        let mut parts = place.split('/');
        let (gpu, gpu_instance, compute_instance) = (parts.next()?, number(parts.next()?)?, number(parts.next()?)?);
        let whole = is_uuid(gpu) && parts.next().is_none();
        return whole.then(|| Device::Instance { gpu: format!("GPU-{gpu}"), gpu_instance, compute_instance });
    }
    let rest = id.strip_prefix("GPU-").or_else(|| id.strip_prefix("MIG-"))?;
    is_uuid(rest).then(|| Device::Uuid(id.to_owned()))
}

fn number(digits: &str) -> Option<u32> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits)
}

fn is_uuid(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.len() < UUID_BYTES && text.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UUID: &str = "8d2c1f6e-3a4b-4c5d-9e0f-a1b2c3d4e5f6";

    #[test]
    fn device_id_forms_parsed() {
        let gpu = || Some(Device::Uuid(format!("GPU-{UUID}")));
        let mig = || Some(Device::Uuid(format!("MIG-{UUID}")));
        let minor = |minor, gpu_instance| Some(Device::Minor { minor, gpu_instance });
        let place = Device::Instance { gpu: format!("GPU-{UUID}"), gpu_instance: 7, compute_instance: 0 };
        for (id, device) in [
            (format!("GPU-{UUID}"), gpu()),
            (format!("GPU-{UUID}::0"), gpu()),
            (format!("GPU-{UUID}::12"), gpu()),
            (format!("MIG-{UUID}"), mig()),
            (format!("MIG-{UUID}::1"), mig()),
            (format!("MIG-GPU-{UUID}/7/0"), Some(place)),
            ("nvidia0".into(), minor(0, None)),
            ("nvidia12/gi3".into(), minor(12, Some(3))),
            ("nvidia1/vgpu0".into(), minor(1, None)),
            ("nvidia1/gi2/vgpu5".into(), minor(1, Some(2))),
            (format!("MIG-GPU-{UUID}/7"), None),
            (format!("MIG-GPU-{UUID}/7/0/1"), None),
            (format!("MIG-GPU-{UUID}/7/+0"), None),
            (format!("gpu-{UUID}"), None),
            ("GPU-".into(), None),
            ("GPU-\u{1b}[2J".into(), None),
            (format!("GPU-{}", "a".repeat(200)), None),
            ("nvidia".into(), None),
            ("nvidiactl".into(), None),
            ("nvidia0/gi".into(), None),
            ("0000:3b:00.0".into(), None),
            ("42".into(), None),
            (String::new(), None),
        ] {
            assert_eq!(super::device(&id), device, "{id}");
        }
    }

    #[test]
    fn foreign_resources_ignored() {
        for resource in ["nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/mig-1g.10gb", "nvidia.com/a100"] {
            assert!(is_nvidias(resource), "{resource}");
        }
        for resource in ["amd.com/gpu", "example.com/nvidia.com/gpu", "nvidia.com", "cpu", ""] {
            assert!(!is_nvidias(resource), "{resource}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_id_tolerated(id in "(GPU-|MIG-|MIG-GPU-|nvidia)?[a-f0-9/:gi-]{0,9}|.*") {
            if let Some(Device::Uuid(uuid) | Device::Instance { gpu: uuid, .. }) = device(&id) {
                prop_assert!(uuid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
            }
        }
    }
}
