//! One GPU.

use telemetry::{Absence, Reading, snapshot::Gpu};

use super::{
    clocks::Clocks,
    ecc::{Ecc, RemappedRowsView},
    links::{Nvlink, Pcie},
    memory::MemoryView,
    mig::MigView,
    modes::{FabricView, Modes},
    pods::PodView,
    power::{Fan, Power, Temperature},
    usage::UseView,
    utilization::{ActivityView, UtilizationView},
    verdict::{HealthView, XidView},
};
use crate::v1::{
    view::{Absent, view},
    word::{GpuStateWord, Word},
    words,
};

view! {
    /// One GPU.
    struct GpuView of (eye, gpu: &Gpu) {
        /// NVML's index of this moment; a GPU that it no longer counts has the next free number.
        /// Source: `nvmlDeviceGetHandleByIndex_v2`. Lane: at the handle. Absent: never.
        value index: u32 = gpu.index;
        /// Its name for ever: history, events and counters go by it.
        /// Source: `nvmlDeviceGetUUID`. Lane: at the handle. Absent: where it never told.
        read uuid: Option<String> = gpu.identity.uuid.clone();
        /// What it is called.
        /// Source: `nvmlDeviceGetName`. Lane: at the handle. Absent: where it never told.
        read name: Option<String> = gpu.identity.name.clone();
        /// The board's serial number.
        /// Source: `nvmlDeviceGetSerial`. Lane: at the handle. Absent: `not_supported` on consumer boards.
        read serial: Option<String> = gpu.identity.serial.clone();
        /// Where it sits on the PCI bus.
        /// Source: `nvmlDeviceGetPciInfo_v3`, `busId`. Lane: at the handle. Absent: where it never told.
        read pci_bus_id: Option<String> = gpu.identity.pci_bus_id.clone();
        /// `kepler`, `maxwell`, `pascal`, `volta`, `turing`, `ampere`, `ada`, `hopper`, `blackwell`, or `unknown_N`.
        /// Source: `nvmlDeviceGetArchitecture`. Lane: at the handle. Absent: `not_supported` before driver 450.
        read architecture: Option<String> = gpu.identity.architecture.map(words::architecture);
        /// The CUDA compute capability, such as `9.0`.
        /// Source: `nvmlDeviceGetCudaComputeCapability`. Lane: at the handle. Absent: where it never told.
        read compute_capability: Option<String> =
            gpu.identity.compute_capability.clone();
        /// The number in `/dev/nvidiaN`.
        /// Source: `nvmlDeviceGetMinorNumber`. Lane: at the handle. Absent: `not_supported` under WSL.
        read minor_number: Option<u32> = gpu.identity.minor_number;
        /// The version of its VBIOS.
        /// Source: `nvmlDeviceGetVbiosVersion`. Lane: at the handle. Absent: where it never told.
        read vbios_version: Option<String> = gpu.identity.vbios_version.clone();
        /// How fresh and how whole its readings are; `stale` is no finished reading for three intervals, at least 1 s.
        /// Source: derived. Lane: derived. Absent: never.
        value state: GpuStateWord = Word::of(gpu.state);
        /// What there is to say beyond the state; null if nothing.
        /// Source: derived. Lane: derived. Absent: null where there is nothing to say.
        null state_detail: Option<String> = gpu.state_detail.clone();
        /// Whether it is free, and whose it is.
        part r#use: UseView = |eye| UseView::of(eye, &gpu.usage);
        /// When the newest finished reading was finished, Unix time in milliseconds.
        /// Source: the wall clock. Lane: fast. Absent: `timeout` if there never was one.
        read read_at: Option<u64> = was_read(gpu).map(|()| gpu.read_at.unix_ms);
        /// How old that reading was when this was rendered, in milliseconds.
        /// Source: the boot clock. Lane: derived. Absent: `timeout` if there never was one.
        read age_ms: Option<u64> = was_read(gpu).map(|()| u64::try_from(gpu.age.as_millis()).unwrap_or(u64::MAX));
        /// How busy its parts are.
        part utilization: UtilizationView = |eye| UtilizationView::of(eye, gpu);
        /// What ran where in the last window, by the GPU's own monitors.
        part activity: ActivityView = |eye| ActivityView::of(eye, &gpu.readings.activity);
        /// Its memory.
        part memory: MemoryView = |eye| MemoryView::of(eye, gpu);
        /// How warm it is.
        part temperature: Temperature = |eye| Temperature::of(eye, gpu);
        /// What it draws.
        part power: Power = |eye| Power::of(eye, gpu);
        /// Its clocks.
        part clocks: Clocks = |eye| Clocks::of(eye, gpu);
        /// The performance state: 0 is the fastest.
        /// Source: `nvmlDeviceGetPerformanceState`. Lane: fast. Absent: `not_supported` on some vGPUs.
        read performance_state: Option<u32> = gpu.readings.state.performance_state;
        /// Its fans.
        /// Source: `nvmlDeviceGetFanSpeed_v2` of each fan, else `nvmlDeviceGetFanSpeed`. Lane: slow. Absent: `not_supported` on boards cooled by the chassis; then the list is empty.
        list fans: Vec<Fan> = Fan::all(eye, gpu);
        /// Its PCIe link.
        part pcie: Pcie = |eye| Pcie::of(eye, gpu);
        /// Its NVLink links, all together.
        part nvlink: Nvlink = |eye| Nvlink::of(eye, gpu);
        /// Memory errors.
        part ecc: Ecc = |eye| Ecc::of(eye, gpu);
        /// Rows of memory that were replaced.
        part remapped_rows: RemappedRowsView = |eye| RemappedRowsView::of(eye, gpu);
        /// How it is set up.
        part modes: Modes = |eye| Modes::of(eye, gpu);
        /// Where it stands with the NVSwitch fabric.
        part fabric: FabricView = |eye| FabricView::of(eye, gpu);
        /// What the driver asks to be done: `none`, `gpu_reset`, `node_reboot`, `drain_p2p`, `drain_and_reset`,
        /// `recover_imex_domain`, `bus_reset`, `system_reboot`, or `unknown_N`.
        /// Source: `nvmlDeviceGetFieldValues`, field 230. Lane: slow. Absent: `not_supported` before driver 570.
        read recovery_action: Option<String> = gpu.readings.state.recovery_action.map(words::recovery_action);
        /// Its MIG instances; empty without MIG.
        /// Source: `nvmlDeviceGetMigDeviceHandleByIndex`. Lane: slow. Absent: `timeout` before the first; then the list is empty.
        list mig: Vec<MigView> = MigView::all(eye, gpu);
        /// The containers to which the kubelet gave the whole GPU; those of its MIG instances stand there.
        /// Source: the kubelet, `List` of `v1.PodResourcesLister`. Lane: kubelet. Absent: `hidden`, `not_supported` without `--kubelet-socket`, `timeout` before its first answer or after a minute without one, `denied` or `error` as the socket is; then the list is empty.
        people pods: Vec<PodView> = PodView::all(eye, &gpu.pods);
        /// Its Xid errors.
        part xid: XidView = |eye| XidView::of(eye, &gpu.xid);
        /// Whether it is well.
        value health: HealthView = HealthView::of(eye, &gpu.health);
        /// Why a value of this GPU is null or a list empty, by its dotted path.
        value absent: Absent = eye.absent();
    }
}

fn was_read(gpu: &Gpu) -> Reading<()> {
    if gpu.never_read { Err(Absence::Timeout) } else { Ok(()) }
}
