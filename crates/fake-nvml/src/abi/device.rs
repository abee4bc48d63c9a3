//! Who a GPU is, and how it is set.

use std::ffi::{c_char, c_int, c_uint};
use std::mem::offset_of;

use nvml_wrapper_sys::bindings::{
    self as sys, nvmlGridLicensableFeature_t, nvmlGridLicensableFeatures_t, nvmlPciInfo_t,
};

use super::export;
use crate::call::Call;
use crate::code::{Done, NOT_SUPPORTED};
use crate::pointer::{Open, Out, Room, Text};
use crate::scenario::{Gpu, PciAddress};
use crate::value::Value;

/// The name's bytes, which need not be UTF-8.
fn name(gpu: &Gpu) -> Option<&[u8]> {
    gpu.name_bytes.as_deref().or_else(|| gpu.name.as_deref().map(str::as_bytes))
}

/// What a name says of the brand.
fn brand(gpu: &Gpu) -> Option<c_uint> {
    let name = gpu.name.as_deref()?;
    let brands = [
        ("GeForce RTX", sys::nvmlBrandType_enum_NVML_BRAND_GEFORCE_RTX),
        ("GeForce", sys::nvmlBrandType_enum_NVML_BRAND_GEFORCE),
        ("TITAN RTX", sys::nvmlBrandType_enum_NVML_BRAND_TITAN_RTX),
        ("TITAN", sys::nvmlBrandType_enum_NVML_BRAND_TITAN),
        ("Quadro RTX", sys::nvmlBrandType_enum_NVML_BRAND_QUADRO_RTX),
        ("Quadro", sys::nvmlBrandType_enum_NVML_BRAND_QUADRO),
        ("Tesla", sys::nvmlBrandType_enum_NVML_BRAND_TESLA),
        ("RTX", sys::nvmlBrandType_enum_NVML_BRAND_NVIDIA_RTX),
    ];
    let found = brands.iter().find(|(part, _)| name.contains(part));
    Some(found.map_or(sys::nvmlBrandType_enum_NVML_BRAND_NVIDIA, |(_, brand)| *brand))
}

/// A text in a field of fixed length, the rest zero.
fn padded<const LENGTH: usize>(text: &str) -> [c_char; LENGTH] {
    let mut field = [0; LENGTH];
    for (place, byte) in field.iter_mut().zip(text.bytes().take(LENGTH - 1)) {
        *place = byte as c_char;
    }
    field
}

/// What all versions of the PCI structure begin with. Older ones end before the long bus id, and are not written to there.
fn pci_info(call: &Call, gpu: &Gpu, info: Open<nvmlPciInfo_t>, has_long_id: bool) -> Done {
    let address = gpu.pci_bus_id.as_deref().and_then(PciAddress::parse).ok_or(NOT_SUPPORTED)?;
    let long = address.to_string();
    let short: [c_char; 16] = padded(&format!("{:04X}{}", address.domain & 0xffff, &long[8..]));
    call.put(info.field(offset_of!(nvmlPciInfo_t, busIdLegacy)), short)?;
    call.put(info.field(offset_of!(nvmlPciInfo_t, domain)), address.domain)?;
    call.put(info.field(offset_of!(nvmlPciInfo_t, bus)), address.bus)?;
    call.put(info.field(offset_of!(nvmlPciInfo_t, device)), address.device)?;
    call.put(info.field(offset_of!(nvmlPciInfo_t, pciDeviceId)), 0_u32)?;
    call.put(info.field(offset_of!(nvmlPciInfo_t, pciSubSystemId)), 0_u32)?;
    if has_long_id {
        call.put(info.field(offset_of!(nvmlPciInfo_t, busId)), padded::<32>(&long))?;
    }
    Ok(())
}

/// A mode that a change would not wait for a reboot with: pending is what is current.
fn current_and_pending(call: &Call, fact: &Option<Value>, current: Out<c_uint>, pending: Out<c_uint>) -> Done {
    call.tell(current, fact)?;
    call.tell(pending, fact)
}

export! {
    device fn nvmlDeviceGetIndex(call, target; index: Out<c_uint>) {
        call.put(index, target.mig.unwrap_or(target.gpu) as c_uint)
    }

    device fn nvmlDeviceGetName(call, target; text: Text, length: Room) {
        let name = name(call.gpu(target)?);
        if name.is_none() && !call.garbage {
            return Err(NOT_SUPPORTED);
        }
        let mut name = name.unwrap_or_default().to_vec();
        if let Some(mig) = call.mig(target)? {
            name.extend_from_slice(b" MIG ");
            name.extend_from_slice(mig.profile.as_bytes());
        }
        call.put_text(&text, length, &name)
    }

    device fn nvmlDeviceGetUUID(call, target; text: Text, length: Room) {
        let uuid = match call.mig(target)? {
            Some(mig) => &mig.uuid,
            None => &call.gpu(target)?.uuid,
        };
        call.tell_text(&text, length, uuid.as_deref())
    }

    gpu fn nvmlDeviceGetSerial(call, gpu; text: Text, length: Room) { call.tell_text(&text, length, gpu.serial.as_deref()) }

    gpu fn nvmlDeviceGetVbiosVersion(call, gpu; text: Text, length: Room) {
        call.tell_text(&text, length, gpu.vbios_version.as_deref())
    }

    gpu fn nvmlDeviceGetMinorNumber(call, gpu; number: Out<c_uint>) { call.tell(number, &gpu.minor_number) }

    gpu fn nvmlDeviceGetArchitecture(call, gpu; architecture: Out<c_uint>) { call.tell(architecture, &gpu.architecture) }

    gpu fn nvmlDeviceGetBrand(call, gpu; told: Out<c_uint>) { call.put(told, brand(gpu).ok_or(NOT_SUPPORTED)?) }

    device fn nvmlDeviceGetCudaComputeCapability(call, target; major: Out<c_int>, minor: Out<c_int>) {
        let [told_major, told_minor] = call.gpu(target)?.compute_capability.ok_or(NOT_SUPPORTED)?;
        call.put(major, told_major)?;
        call.put(minor, told_minor)
    }

    gpu fn nvmlDeviceGetPciInfo(call, gpu; info: Open<nvmlPciInfo_t>) { pci_info(call, gpu, info, false) }

    gpu fn nvmlDeviceGetPciInfo_v2(call, gpu; info: Open<nvmlPciInfo_t>) { pci_info(call, gpu, info, false) }

    gpu fn nvmlDeviceGetPciInfo_v3(call, gpu; info: Open<nvmlPciInfo_t>) { pci_info(call, gpu, info, true) }

    gpu fn nvmlDeviceGetPersistenceMode(call, gpu; mode: Out<c_uint>) { call.tell(mode, &gpu.persistence) }

    gpu fn nvmlDeviceGetComputeMode(call, gpu; mode: Out<c_uint>) { call.tell(mode, &gpu.compute_mode) }

    gpu fn nvmlDeviceGetDisplayActive(call, gpu; active: Out<c_uint>) { call.tell(active, &gpu.display_active) }

    gpu fn nvmlDeviceGetDisplayMode(call, gpu; mode: Out<c_uint>) { call.tell(mode, &gpu.display_active) }

    gpu fn nvmlDeviceGetMigMode(call, gpu; current: Out<c_uint>, pending: Out<c_uint>) {
        current_and_pending(call, &gpu.mig_mode, current, pending)
    }

    gpu fn nvmlDeviceGetGridLicensableFeatures_v4(call, gpu; told: Open<nvmlGridLicensableFeatures_t>) {
        let licensed = call.fact(&gpu.vgpu_licensed)?;
        let first = offset_of!(nvmlGridLicensableFeatures_t, gridLicensableFeatures);
        call.put(told.field(offset_of!(nvmlGridLicensableFeatures_t, isGridLicenseSupported)), 1_i32)?;
        call.put(told.field(offset_of!(nvmlGridLicensableFeatures_t, licensableFeaturesCount)), 1_u32)?;
        call.put(told.field(first + offset_of!(nvmlGridLicensableFeature_t, featureCode)), 1_u32)?;
        call.put(told.field(first + offset_of!(nvmlGridLicensableFeature_t, featureState)), licensed as c_uint)
    }

    gpu fn nvmlDeviceGetEccMode(call, gpu; current: Out<c_uint>, pending: Out<c_uint>) {
        current_and_pending(call, &gpu.ecc_enabled, current, pending)
    }

    // Only Windows knows driver models; elsewhere the functions are there and say so.
    gpu fn nvmlDeviceGetDriverModel(_call, _gpu; _current: Out<c_uint>, _pending: Out<c_uint>) { Err(NOT_SUPPORTED) }

    gpu fn nvmlDeviceGetDriverModel_v2(_call, _gpu; _current: Out<c_uint>, _pending: Out<c_uint>) { Err(NOT_SUPPORTED) }
}
