//! GPUs in MIG mode.

use super::*;

#[test]
fn work_that_is_not_reported_is_unknown() {
    let mut host = Host::new();
    let mut parent = gpu(0, vec![Process { gpu_instance: Some(2), compute_instance: Some(0), ..process(1, "alice") }]);
    parent.readings.modes.mig = Ok(true);
    parent.readings.utilization.gpu_percent = Err(Absence::NotSupported);
    let mut without_gpm = instance(2, "3g.20gb", UseVerdict::Busy);
    without_gpm.sample.activity = Err(Absence::NotSupported);
    parent.mig = Ok(vec![without_gpm]);
    host.see(0, vec![parent.clone()]);
    host.run(7, &[parent.clone()]);
    let (sums, _) = by_occupant(&host.pending());
    assert_eq!((sums["alice"].gpu_us, sums["alice"].busy_us, sums["alice"].idle_us), (3_000_000, None, None));
    // What is reported later counts for itself.
    parent.mig = Ok(vec![instance(2, "3g.20gb", UseVerdict::Busy)]);
    host.run(7, &[parent]);
    let (sums, _) = by_occupant(&host.pending());
    assert_eq!((sums["alice"].gpu_us, sums["alice"].busy_us), (6_000_000, Some(2_400_000)));
}

#[test]
fn mig_instance_of_3_slices_is_3_of_7() {
    let mut host = Host::new();
    let mut parent = gpu(0, vec![Process { gpu_instance: Some(2), compute_instance: Some(0), ..process(1, "alice") }]);
    parent.identity.name = Ok("NVIDIA H100 80GB HBM3".into());
    parent.readings.modes.mig = Ok(true);
    parent.mig = Ok(vec![instance(2, "3g.40gb", UseVerdict::Busy), instance(9, "1g.10gb", UseVerdict::Free)]);
    host.see(0, vec![parent.clone()]);
    host.run(7000, &[parent]);
    let flush = host.pending();
    let hours = [("alice", 3_000_000), ("free", 1_000_000), ("unassigned", 3_000_000)];
    assert_eq!(times(&flush), expected(&hours));
    let (sums, _) = by_occupant(&flush);
    assert_eq!(sums["alice"].busy_us, Some(2_400_000_000), "80 % of the instance, by GPM");
    let energy: u64 = sums.values().map(|sums| sums.energy_mj).sum();
    assert_eq!(energy, 700_000_000, "100 W for 7000 s: the board's");
    assert_eq!(flush.sessions[0].mig_name.as_deref(), Some("0 · 3g.40gb"));
    assert_eq!(flush.sessions[0].key.device.mig.as_deref(), Some("MIG-2"));
}

#[test]
fn gpu_in_mig_mode_without_instances_is_unassigned() {
    let mut host = Host::new();
    let mut parent = gpu(0, Vec::new());
    parent.readings.modes.mig = Ok(true);
    parent.usage.verdict = UseVerdict::Busy;
    host.see(0, vec![parent.clone()]);
    host.run(60, &[parent]);
    assert_eq!(times(&host.pending()), expected(&[("unassigned", 60_000)]));
}
