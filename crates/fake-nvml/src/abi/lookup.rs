//! Handles by index, UUID and PCI address.

use std::ffi::c_uint;

use super::export;
use crate::call::Call;
use crate::code::{INVALID_ARGUMENT, NOT_FOUND, Outcome};
use crate::handle::{Device, Target};
use crate::pointer::{Out, TextIn};
use crate::scenario::PciAddress;

fn by_index(call: &mut Call, index: c_uint, device: Out<Device>) -> Outcome {
    let described = call.scenario().gpu.len();
    let counted = call.scenario().count.map_or(described, |count| count as usize);
    let gpu = index as usize;
    if gpu >= counted.min(described) {
        return Err(INVALID_ARGUMENT);
    }
    call.put_handle(device, Target { gpu, mig: None })
}

fn by_pci_bus_id(call: &mut Call, id: &TextIn, device: Out<Device>) -> Outcome {
    let wanted = PciAddress::parse(id.text()?).ok_or(INVALID_ARGUMENT)?;
    let found = call
        .scenario()
        .gpu
        .iter()
        .position(|gpu| gpu.pci_bus_id.as_deref().and_then(PciAddress::parse) == Some(wanted));
    call.put_handle(device, Target { gpu: found.ok_or(NOT_FOUND)?, mig: None })
}

fn by_uuid(call: &Call, wanted: &str) -> Option<Target> {
    call.scenario().gpu.iter().enumerate().find_map(|(gpu, described)| {
        if described.uuid.as_deref() == Some(wanted) {
            return Some(Target { gpu, mig: None });
        }
        let place = described.mig.iter().position(|mig| mig.uuid.as_deref() == Some(wanted))?;
        Some(Target { gpu, mig: Some(place) })
    })
}

export! {
    lookup fn nvmlDeviceGetHandleByIndex(call; index: c_uint, device: Out<Device>) { by_index(call, index, device) }

    lookup fn nvmlDeviceGetHandleByIndex_v2(call; index: c_uint, device: Out<Device>) { by_index(call, index, device) }

    lookup fn nvmlDeviceGetHandleByPciBusId(call; id: TextIn, device: Out<Device>) { by_pci_bus_id(call, &id, device) }

    lookup fn nvmlDeviceGetHandleByPciBusId_v2(call; id: TextIn, device: Out<Device>) { by_pci_bus_id(call, &id, device) }

    lookup fn nvmlDeviceGetHandleByUUID(call; uuid: TextIn, device: Out<Device>) {
        let target = by_uuid(call, uuid.text()?).ok_or(NOT_FOUND)?;
        call.put_handle(device, target)
    }
}
