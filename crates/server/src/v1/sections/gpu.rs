//! A GPU.

use telemetry::{Absence, Reading, readings::Section, snapshot::Gpu};

use super::{
    claim::{ClaimView, conflicts},
    fans::Fan,
    mig::MigView,
    pods::PodView,
    readings::{
        ActivityView, ClocksView, EccView, FabricView, IdentityView, MemoryView, ModesView, NvlinkView, PcieView,
        PowerView, Readings, RemappedRowsView, StateView, TemperatureView, UtilizationView,
    },
    usage::UseView,
    verdict::{HealthView, XidView},
};
use crate::v1::{
    view::{Absent, view},
    word::{GpuStateWord, Word},
};

view! {
    /// A GPU.
    struct GpuView of (context, gpu: &Gpu) {
        /// NVML's current index; a GPU that it no longer counts has the next free number.
        /// Source: `nvmlDeviceGetHandleByIndex_v2`. Read: handle. Absent: never.
        value index: u32 = gpu.index;
        #[schema(ignore)]
        keys identity: IdentityView = Readings::of(context, &gpu.identity);
        /// State of its readings; `stale` means that no reading was finished for three intervals, at least 1 s.
        /// Source: derived. Read: derived. Absent: never.
        value state: GpuStateWord = Word::of(gpu.state);
        /// Detail of the state; null if there is none.
        /// Source: derived. Read: derived. Absent: null where there is nothing to say.
        null state_detail: Option<String> = gpu.state_detail.clone();
        /// Use, and its users.
        part r#use: UseView = |context| UseView::of(context, &gpu.usage);
        /// Claim of it; null without one. A claim of a GPU is one of its MIG instances too.
        /// Source: `claim` and `run`. Read: derived. Absent: null where there is none.
        null claim: Option<ClaimView> = ClaimView::seen(context, gpu.claim.as_ref());
        /// Users who compute on it although another has claimed it, as in `use`. Processes that only draw and monitors of root do not count.
        /// Source: derived from the processes. Read: derived. Absent: `hidden`; then the list is empty.
        private_list claim_conflicts: Vec<String> = conflicts(gpu.claim.as_ref());
        /// Time at which the newest reading was finished, Unix time in milliseconds.
        /// Source: the wall clock. Read: tick. Absent: `timeout` if there never was one.
        read read_at: Option<u64> = was_read(gpu).map(|()| gpu.read_at.unix_ms);
        /// Age of that reading when this was rendered, in milliseconds.
        /// Source: the boot clock. Read: derived. Absent: `timeout` if there never was one.
        read age_ms: Option<u64> = was_read(gpu).map(|()| u64::try_from(gpu.age.as_millis()).unwrap_or(u64::MAX));
        /// Utilization of its engines.
        part utilization: UtilizationView = |context| Readings::of(context, &gpu.readings.utilization);
        /// Activity in the last window, by GPM.
        part activity: ActivityView = |context| Readings::of(context, &gpu.readings.activity);
        /// Memory.
        part memory: MemoryView = |context| Readings::of(context, &gpu.readings.memory);
        /// Temperatures.
        part temperature: TemperatureView = |context| Readings::of(context, &gpu.readings.temperature);
        /// Power.
        part power: PowerView = |context| Readings::of(context, &gpu.readings.power);
        /// Clocks.
        part clocks: ClocksView = |context| Readings::of(context, &gpu.readings.clocks);
        #[schema(ignore)]
        keys state_first: StateView =
            Readings::some(context, &gpu.readings.state, Section::State.fields().split_at(1).0);
        /// Fans.
        /// Source: `nvmlDeviceGetFanSpeed_v2` of each fan, else `nvmlDeviceGetFanSpeed`. Read: 10 ticks. Absent: `not_supported` on boards cooled by the chassis; then the list is empty.
        list fans: Vec<Fan> = Fan::all(context, gpu);
        /// PCIe link.
        part pcie: PcieView = |context| Readings::of(context, &gpu.readings.pcie);
        /// NVLink, all links together.
        part nvlink: NvlinkView = |context| Readings::of(context, &gpu.readings.nvlink);
        /// Memory errors.
        part ecc: EccView = |context| Readings::of(context, &gpu.readings.ecc);
        /// Remapped memory rows.
        part remapped_rows: RemappedRowsView = |context| Readings::of(context, &gpu.readings.remapped_rows);
        /// Modes.
        part modes: ModesView = |context| Readings::of(context, &gpu.readings.modes);
        /// Registration with the NVSwitch fabric.
        part fabric: FabricView = |context| Readings::of(context, &gpu.readings.fabric);
        #[schema(ignore)]
        keys state_rest: StateView =
            Readings::some(context, &gpu.readings.state, Section::State.fields().split_at(1).1);
        /// MIG instances; empty without MIG.
        /// Source: `nvmlDeviceGetMigDeviceHandleByIndex`. Read: 10 ticks. Absent: `timeout` before the first reading; then the list is empty.
        list mig: Vec<MigView> = MigView::all(context, gpu);
        /// Containers to which the kubelet assigned the whole GPU; those of a MIG instance are listed with it.
        /// Source: the kubelet, `List` of `v1.PodResourcesLister`. Read: kubelet. Absent: `hidden`, `not_supported` without `--kubelet-socket`, `timeout` before its first answer or after a minute without one, `denied` or `error` as the socket is; then the list is empty.
        private_list_read pods: Vec<PodView> = PodView::all(context, &gpu.pods);
        /// Xid errors.
        part xid: XidView = |context| XidView::of(context, &gpu.xid);
        /// Health.
        value health: HealthView = HealthView::of(context, &gpu.health);
        /// Reasons why values of this GPU are null or lists empty, by dotted path.
        value absent: Absent = context.absent();
    }
}

/// # Errors
/// The reason why it has no time of a reading.
fn was_read(gpu: &Gpu) -> Reading<()> {
    if gpu.never_read { Err(Absence::Timeout) } else { Ok(()) }
}
