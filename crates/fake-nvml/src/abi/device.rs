//! Identity and modes of a GPU.

use std::ffi::{c_char, c_int, c_uint};
use std::mem::offset_of;

use nvml_wrapper_sys::bindings::{
    self as sys, nvmlGridLicensableFeature_t, nvmlGridLicensableFeatures_t, nvmlPciInfo_t,
};

use super::export;
use crate::call::Call;
use crate::code::{NOT_SUPPORTED, Outcome};
use crate::pointer::{Fields, Out, Size, TextOut};
use crate::scenario::{Gpu, PciAddress};
use crate::value::Value;

/// Bytes of the name, which may be invalid UTF-8.
fn name(gpu: &Gpu) -> Option<&[u8]> {
    gpu.name_bytes.as_deref().or_else(|| gpu.name.as_deref().map(str::as_bytes))
}

/// Brand according to the name.
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

/// Text in a field of fixed length, padded with zeros.
fn padded<const LENGTH: usize>(text: &str) -> [c_char; LENGTH] {
    let mut field = [0; LENGTH];
    for (to, byte) in field.iter_mut().zip(text.bytes().take(LENGTH - 1)) {
        *to = byte as c_char;
    }
    field
}

/// Writes the PCI structure. Older versions end before the long bus id, which is then not written.
fn pci_info(call: &Call, gpu: &Gpu, info: Fields<nvmlPciInfo_t>, has_long_id: bool) -> Outcome {
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

/// Writes a mode whose change needs no reboot: the pending value equals the current one.
fn current_and_pending(call: &Call, fact: &Option<Value>, current: Out<c_uint>, pending: Out<c_uint>) -> Outcome {
    call.put_fact(current, fact)?;
    call.put_fact(pending, fact)
}

export! {
    device fn nvmlDeviceGetIndex(call, target; index: Out<c_uint>) {
        call.put(index, target.mig.unwrap_or(target.gpu) as c_uint)
    }

    device fn nvmlDeviceGetName(call, target; text: TextOut, length: Size) {
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

    device fn nvmlDeviceGetUUID(call, target; text: TextOut, length: Size) {
        let uuid = match call.mig(target)? {
            Some(mig) => &mig.uuid,
            None => &call.gpu(target)?.uuid,
        };
        call.put_optional_text(&text, length, uuid.as_deref())
    }

    gpu fn nvmlDeviceGetSerial(call, gpu; text: TextOut, length: Size) { call.put_optional_text(&text, length, gpu.serial.as_deref()) }

    gpu fn nvmlDeviceGetVbiosVersion(call, gpu; text: TextOut, length: Size) {
        call.put_optional_text(&text, length, gpu.vbios_version.as_deref())
    }

    gpu fn nvmlDeviceGetBrand(call, gpu; value: Out<c_uint>) { call.put(value, brand(gpu).ok_or(NOT_SUPPORTED)?) }

    device fn nvmlDeviceGetCudaComputeCapability(call, target; major: Out<c_int>, minor: Out<c_int>) {
        let [major_version, minor_version] = call.gpu(target)?.compute_capability.ok_or(NOT_SUPPORTED)?;
        call.put(major, major_version)?;
        call.put(minor, minor_version)
    }

    gpu fn nvmlDeviceGetPciInfo(call, gpu; info: Fields<nvmlPciInfo_t>) { pci_info(call, gpu, info, false) }

    gpu fn nvmlDeviceGetPciInfo_v2(call, gpu; info: Fields<nvmlPciInfo_t>) { pci_info(call, gpu, info, false) }

    gpu fn nvmlDeviceGetPciInfo_v3(call, gpu; info: Fields<nvmlPciInfo_t>) { pci_info(call, gpu, info, true) }

    gpu fn nvmlDeviceGetMigMode(call, gpu; current: Out<c_uint>, pending: Out<c_uint>) {
        current_and_pending(call, &gpu.mig_mode, current, pending)
    }

    gpu fn nvmlDeviceGetGridLicensableFeatures_v4(call, gpu; features: Fields<nvmlGridLicensableFeatures_t>) {
        let licensed = call.fact(&gpu.vgpu_licensed)?;
        let first = offset_of!(nvmlGridLicensableFeatures_t, gridLicensableFeatures);
        call.put(features.field(offset_of!(nvmlGridLicensableFeatures_t, isGridLicenseSupported)), 1_i32)?;
        call.put(features.field(offset_of!(nvmlGridLicensableFeatures_t, licensableFeaturesCount)), 1_u32)?;
        call.put(features.field(first + offset_of!(nvmlGridLicensableFeature_t, featureCode)), 1_u32)?;
        call.put(features.field(first + offset_of!(nvmlGridLicensableFeature_t, featureState)), licensed as c_uint)
    }

    gpu fn nvmlDeviceGetEccMode(call, gpu; current: Out<c_uint>, pending: Out<c_uint>) {
        current_and_pending(call, &gpu.ecc_enabled, current, pending)
    }

    // Driver models exist on Windows only. On Linux the functions exist and return "not supported".
    gpu fn nvmlDeviceGetDriverModel(_call, _gpu; _current: Out<c_uint>, _pending: Out<c_uint>) { Err(NOT_SUPPORTED) }

    gpu fn nvmlDeviceGetDriverModel_v2(_call, _gpu; _current: Out<c_uint>, _pending: Out<c_uint>) { Err(NOT_SUPPORTED) }
}
