//! Readings that the driver denies to the agent's account.

use telemetry::{
    Absence,
    snapshot::{Gpu, GpuState, Snapshot},
};

use super::{sections::GpuView, view::ViewContext};
use crate::config::commands::Commands;
use http_server::auth::Scope;

/// Denied readings by index of the GPU. The list of a GPU that is denied as a whole is empty.
#[must_use]
pub fn denied(snapshot: &Snapshot) -> Vec<(u32, Vec<String>)> {
    let of = |gpu: &Gpu| {
        let seen = GpuView::of(&mut ViewContext::new(Scope::Read, Commands::Hidden), gpu);
        let whole = gpu.state == GpuState::Denied;
        let paths = seen.absent.because(Absence::Denied).filter(|_| !whole).map(String::from).collect();
        (gpu.index, paths)
    };
    let refused = |(index, paths): &(u32, Vec<String>)| {
        !paths.is_empty() || snapshot.gpus.iter().any(|gpu| gpu.index == *index && gpu.state == GpuState::Denied)
    };
    snapshot.gpus.iter().map(of).filter(refused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;
    use telemetry::{readings::Readings, snapshot::CollectorState};

    #[test]
    fn denied_paths_are_listed_exactly() {
        let mut gpus: Vec<Gpu> = (0..3).map(host::gpu).collect();
        gpus[0].readings.power.draw_mw = Err(Absence::Denied);
        gpus[0].readings.state.recovery_action = Err(Absence::Denied);
        gpus[2] = Gpu { state: GpuState::Denied, readings: Readings::absent(Absence::Denied), ..host::gpu(2) };
        let snapshot = host::snapshot(CollectorState::Ok, gpus);
        let readings = ["power.draw_watts", "recovery_action"].map(String::from).to_vec();
        assert_eq!(denied(&snapshot), [(0, readings), (2, vec![])]);
    }
}
