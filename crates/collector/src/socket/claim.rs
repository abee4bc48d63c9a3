//! Devices of resource claims (dynamic resource allocation): a pure function from their names to a device.

use telemetry::sample::Device;

use crate::{number::is_number, socket::plugin};

/// NVIDIA's driver for claims of GPUs.
const DRIVER: &str = "gpu.nvidia.com";
/// Vendors and classes of NVIDIA's CDI devices.
const CDI: [&str; 2] = ["nvidia.com/", "k8s.gpu.nvidia.com/"];

/// Returns the device of a claim by its driver, its device name and its CDI names; none if it is no GPU of NVIDIA.
///
/// A name that is not understood is a GPU that may be any, since a claimed one must not be called free.
pub(super) fn device<'a>(driver: &str, name: &'a str, cdi: impl Iterator<Item = &'a str> + Clone) -> Option<Device> {
    let is_nvidias = |name: &&str| CDI.iter().any(|kind| name.starts_with(kind));
    if driver != DRIVER && !(driver.is_empty() && cdi.clone().any(|name| is_nvidias(&name))) {
        return None;
    }
    let of_cdi = cdi.filter(is_nvidias).filter_map(|name| name.split_once('=').map(|(_, device)| device));
    let names = || std::iter::once(name).chain(of_cdi.clone());
    let unclear = Device::Claimed { number: None, is_part: false };
    Some(names().find_map(uuid).or_else(|| names().find_map(numbered)).unwrap_or(unclear))
}

/// A UUID, also as Kubernetes's names have it, in small letters.
fn uuid(name: &str) -> Option<Device> {
    let digits = name.strip_prefix("gpu-").filter(|rest| rest.len() == 36 && rest.matches('-').count() == 4);
    let found = match digits {
        Some(digits) => plugin::device(&format!("GPU-{digits}")),
        None => plugin::device(name),
    };
    found.filter(|device| matches!(device, Device::Uuid(_) | Device::Instance { .. }))
}

/// A name such as `gpu-0`, `gpu-0-mig-…`, `CLAIM-gpu-0`, or CDI's plain `0` and `0:1`.
fn numbered(name: &str) -> Option<Device> {
    if let Some((number, part)) = name.split_once(':').or(Some((name, ""))).filter(|(number, _)| is_number(number)) {
        return Some(Device::Claimed { number: number.parse().ok(), is_part: !part.is_empty() });
    }
    let rest = match name.rsplit_once("gpu-vfio-") {
        Some((_, rest)) => rest,
        None => name.split_once("gpu-").filter(|(before, _)| before.is_empty() || before.ends_with('-'))?.1,
    };
    let (number, part) = rest.split_once('-').unwrap_or((rest, ""));
    is_number(number).then(|| Device::Claimed { number: number.parse().ok(), is_part: part.starts_with("mig") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claimed_device_forms_parsed() {
        const UUID: &str = "8d2c1f6e-3a4b-4c5d-9e0f-a1b2c3d4e5f6";
        let claimed = |number, is_part| Some(Device::Claimed { number, is_part });
        let gpu = Some(Device::Uuid(format!("GPU-{UUID}")));
        for (driver, name, cdi, expected) in [
            (DRIVER, "gpu-0".to_owned(), "", claimed(Some(0), false)),
            (DRIVER, "gpu-12".into(), "k8s.gpu.nvidia.com/claim=5d1f-gpu-12", claimed(Some(12), false)),
            (DRIVER, "gpu-vfio-3".into(), "", claimed(Some(3), false)),
            (DRIVER, "gpu-1-mig-1g.10gb-19-0".into(), "", claimed(Some(1), true)),
            (DRIVER, format!("gpu-{UUID}"), "", gpu.clone()),
            (DRIVER, "gpu-0".into(), "nvidia.com/gpu=GPU-8d2c1f6e-3a4b-4c5d-9e0f-a1b2c3d4e5f6", gpu.clone()),
            (DRIVER, "tomorrow".into(), "k8s.gpu.nvidia.com/device=gpu-7", claimed(Some(7), false)),
            (DRIVER, "tomorrow".into(), "", claimed(None, false)),
            (DRIVER, String::new(), "nvidia.com/gpu=all", claimed(None, false)),
            (DRIVER, "gpu-99999999999".into(), "", claimed(None, false)),
            ("", String::new(), "nvidia.com/gpu=0:1", claimed(Some(0), true)),
            ("compute-domain.nvidia.com", "channel-0".into(), "", None),
            ("gpu.example.com", "gpu-0".into(), "", None),
            ("", "gpu-0".into(), "", None),
        ] {
            let cdi = Some(cdi).filter(|cdi| !cdi.is_empty());
            assert_eq!(device(driver, &name, cdi.into_iter()), expected, "{driver} {name} {cdi:?}");
        }
    }
}
