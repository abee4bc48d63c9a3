//! Removal of a name.

use super::*;

#[test]
fn forgotten_user_is_removed() {
    let mut host = Host::new();
    let held = gpu(0, vec![process(1, "alice"), process(2, "bob")]);
    host.see(0, vec![held.clone()]);
    host.run(30, std::slice::from_ref(&held));
    host.ledger.forget_user("alice", u64::MAX);
    assert_eq!(times(&host.pending()), expected(&[(REMOVED, 15_000), ("bob", 15_000)]));
    assert!(!format!("{:?}", host.ledger.pending(at(30_000))).contains("alice"));
    host.run(10, &[held]);
    assert_eq!(times(&host.pending()), expected(&[(REMOVED, 15_000), ("alice", 5_000), ("bob", 20_000)]));
}

#[test]
fn forgotten_sessions_of_two_containers_are_both_kept() {
    let mut host = Host::new();
    let inside = |pid, name: &str| {
        let container = Container { id: name.repeat(20), runtime: None, name: Ok(name.into()), rootless: false };
        Process { uid: Ok(1000), container: Some(Box::new(container)), ..process(pid, "alice") }
    };
    let held = gpu(0, vec![inside(1, "one"), inside(2, "two")]);
    host.see(0, vec![held.clone()]);
    host.run(30, std::slice::from_ref(&held));
    let mut taken = host.flush();
    assert_eq!(taken.sessions.len(), 2);
    host.ledger.forget_user("alice", u64::MAX);
    assert!(taken.forget_user("alice", u64::MAX));
    assert_eq!(taken.sessions, [], "the ledger has those that were open");
    assert!(!format!("{taken:?}").contains("alice") && !taken.forget_user("alice", u64::MAX));
    let ended = host.flush().sessions;
    let times: Vec<_> = ended.iter().map(|one| (one.open, one.sums.gpu_us)).collect();
    assert_eq!(times, [(false, 15_000_000); 2]);
    assert!(ended.iter().all(|one| one.key.holder.user.as_deref() == Some(REMOVED)));
}
