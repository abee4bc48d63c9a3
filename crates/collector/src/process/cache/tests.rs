use super::*;
use std::{fs, io::Write as _, path::Path};
use telemetry::{BootTime, sample::Life};

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A process as `/proc` shows it.
fn process(root: &Path, pid: u32, state: char, start_ticks: u64) {
    let folder = root.join(pid.to_string());
    fs::create_dir_all(&folder).unwrap();
    let stat = format!(
        "{pid} (name) {state} 1 1 1 0 -1 4194304 0 0 0 0 0 4 0 0 20 0 1 0 {start_ticks} 0 3 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    );
    fs::write(folder.join("stat"), stat).unwrap();
    fs::copy("/proc/self/status", folder.join("status")).unwrap();
    fs::write(folder.join("comm"), format!("name {start_ticks}\n")).unwrap();
    fs::write(folder.join("cgroup"), format!("0::/system.slice/slurmstepd.scope/job_{start_ticks}\n")).unwrap();
}

fn id_of(facts: &ProcessFacts) -> Option<&str> {
    Some(&facts.job.as_ref().ok()?.as_ref()?.id)
}

fn book(root: &Path) -> ProcessCache {
    ProcessCache::start(ProcFs::new(root.into()))
}

#[test]
fn process_read_and_ended_one_reported() {
    let root = tempfile::tempdir().unwrap();
    process(root.path(), 7, 'S', 500);
    fs::write(root.path().join("7/cmdline"), b"python\0x\0").unwrap();
    let book = book(root.path());
    let facts = book.facts(&[7, 8], far());
    assert_eq!(facts[0].life, Life::Running);
    assert_eq!(facts[0].uid, Ok(nix::unistd::getuid().as_raw()));
    assert_eq!(facts[0].started, Ok(BootTime(5000)));
    assert_eq!(facts[0].arguments, Ok(["python", "x"].iter().collect()));
    assert_eq!(facts[1].life, Life::Gone);
    // It becomes a zombie, and another process takes its PID.
    process(root.path(), 7, 'Z', 500);
    assert_eq!(book.facts(&[7], far())[0].life, Life::Zombie);
    process(root.path(), 7, 'S', 900);
    fs::write(root.path().join("7/cmdline"), b"other\0").unwrap();
    let other = &book.facts(&[7], far())[0];
    assert_eq!((other.started, &other.arguments), (Ok(BootTime(9000)), &Ok(["other"].iter().collect())));
    fs::remove_dir_all(root.path().join("7")).unwrap();
    assert_eq!(book.facts(&[7], far())[0].life, Life::Gone);
}

#[test]
fn process_without_main_thread_has_name_and_no_arguments() {
    let root = tempfile::tempdir().unwrap();
    process(root.path(), 7, 'Z', 500);
    fs::write(root.path().join("7/cmdline"), b"").unwrap();
    let book = book(root.path());
    let facts = &book.facts(&[7], far())[0];
    assert_eq!((facts.life, facts.name.as_deref()), (Life::Zombie, Ok("name 500")));
    assert_eq!(facts.arguments, Err(Absence::NotSupported), "nothing timed out");
}

#[test]
fn command_line_blocking_affects_only_its_row() {
    let root = tempfile::tempdir().unwrap();
    process(root.path(), 7, 'S', 500);
    process(root.path(), 8, 'S', 500);
    fs::write(root.path().join("8/cmdline"), b"free\0").unwrap();
    // Opening a pipe that nobody writes blocks as a held lock does.
    let pipe = root.path().join("7/cmdline");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let book = book(root.path());
    let first = book.facts(&[7, 8], Instant::now() + Duration::from_millis(20));
    assert_eq!(first[0].arguments, Err(Absence::Timeout));
    assert!(first[0].cpu_ms.is_ok() && id_of(&first[0]).is_some(), "what does not block is read first");
    // From a second on another reader goes on; until then asking again gives what is known.
    let facts = loop {
        let facts = book.facts(&[7, 8], Instant::now() + Duration::from_millis(100));
        if facts[1].arguments.is_ok() {
            break facts;
        }
    };
    assert_eq!(facts[0].life, Life::Running);
    assert_eq!(facts[0].started, Ok(BootTime(5000)));
    assert_eq!(facts[0].arguments, Err(Absence::Timeout));
    assert_eq!(
        (facts[0].cpu_ms, facts[0].host_memory_bytes),
        (Err(Absence::Timeout), Err(Absence::Timeout)),
        "what was read long ago is not what is used now"
    );
    assert!(facts[1].cpu_ms.is_ok());
    // Once it lets go it is read as the others are.
    fs::OpenOptions::new().write(true).open(&pipe).unwrap().write_all(b"freed\0").unwrap();
    let freed = Ok(["freed"].iter().collect());
    while book.facts(&[7, 8], far())[0].arguments != freed {
        fs::write(root.path().join("7/x"), b"").unwrap();
    }
}

#[test]
fn stat_read_each_time_cgroup_once() {
    let root = tempfile::tempdir().unwrap();
    process(root.path(), 7, 'S', 500);
    let book = book(root.path());
    let first = book.facts(&[7], far()).remove(0);
    assert_eq!((first.name.clone(), id_of(&first)), (Ok("name 500".into()), Some("500")));
    let page = u64::try_from(nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap()).unwrap();
    assert_eq!(first.host_memory_bytes, Ok(3 * page));
    let tick = u64::try_from(nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).unwrap().unwrap()).unwrap();
    assert_eq!(first.cpu_ms, Ok(4 * 1000 / tick));
    // The same process with another cgroup and more time; a name that was read a moment ago is not read again.
    let stat = fs::read_to_string(root.path().join("7/stat")).unwrap().replace(" 4 0 0 20 ", " 6 0 0 20 ");
    fs::write(root.path().join("7/stat"), stat).unwrap();
    fs::write(root.path().join("7/cgroup"), "0::/system.slice/slurmstepd.scope/job_9\n").unwrap();
    fs::write(root.path().join("7/comm"), "other\n").unwrap();
    fs::write(root.path().join("7/cmdline"), "x\0").unwrap();
    let second = book.facts(&[7], far()).remove(0);
    assert_eq!((id_of(&second), second.cpu_ms), (Some("500"), Ok(6 * 1000 / tick)));
    assert_eq!(second.name, Ok("name 500".into()));
    assert!(second.read_at >= first.read_at && first.read_at.is_some());
    // Another process with that PID.
    process(root.path(), 7, 'S', 900);
    let other = book.facts(&[7], far()).remove(0);
    assert_eq!((other.name.clone(), id_of(&other)), (Ok("name 900".into()), Some("900")));
    fs::remove_dir_all(root.path().join("7")).unwrap();
    let gone = book.facts(&[7], far()).remove(0);
    assert_eq!((gone.life, gone.job, gone.cpu_ms), (Life::Gone, Err(Absence::Error), Err(Absence::Error)));
}

#[test]
fn cgroup_unreadable_is_retried() {
    let root = tempfile::tempdir().unwrap();
    process(root.path(), 7, 'S', 500);
    fs::remove_file(root.path().join("7/cgroup")).unwrap();
    let book = book(root.path());
    let first = &book.facts(&[7], far())[0];
    assert_eq!(
        (&first.job, first.placed),
        (&Err(Absence::Error), Err(Absence::Error)),
        "that there is none is not known"
    );
    fs::write(root.path().join("7/cgroup"), "0::/system.slice/slurmstepd.scope/job_9\n").unwrap();
    let second = &book.facts(&[7], far())[0];
    assert_eq!((id_of(second), second.placed), (Some("9"), Ok(())));
}

#[test]
fn own_process_is_cached() {
    let book = book(Path::new("/proc"));
    let pid = std::process::id();
    let facts = book.facts(&[pid], far()).remove(0);
    assert_eq!((facts.pid, facts.life), (pid, Life::Running));
    assert!(facts.name.is_ok() && facts.cpu_ms.is_ok() && facts.arguments.is_ok(), "{facts:?}");
    assert!(facts.host_memory_bytes.unwrap() > 0);
}

#[test]
fn job_number_for_users_read_once_from_environment() {
    let root = tempfile::tempdir().unwrap();
    process(root.path(), 7, 'S', 500);
    process(root.path(), 8, 'S', 500);
    fs::write(root.path().join("7/cmdline"), b"x\0").unwrap();
    fs::write(root.path().join("8/cmdline"), b"x\0").unwrap();
    fs::write(root.path().join("7/environ"), b"A=1\0SLURM_JOB_ID=500\0SLURM_ARRAY_JOB_ID=498\0SLURM_ARRAY_TASK_ID=3\0")
        .unwrap();
    let book = book(root.path());
    let shown = |pid: usize| book.facts(&[7, 8], far())[pid - 7].job.clone().unwrap().unwrap().shown;
    assert_eq!((shown(7), shown(8)), (Ok("498_3".into()), Err(Absence::Error)));
    fs::write(root.path().join("7/environ"), b"").unwrap();
    assert_eq!(shown(7), Ok("498_3".into()));
}

#[test]
fn job_unknown_where_jobs_have_no_cgroup() {
    let root = tempfile::tempdir().unwrap();
    for pid in [7, 8] {
        process(root.path(), pid, 'S', 500);
        fs::write(root.path().join(format!("{pid}/cgroup")), "0::/\n").unwrap();
    }
    let book = book(root.path());
    assert_eq!(book.facts(&[7], far())[0].job, Ok(None), "there is no Slurm on this host");
    // A step without a cgroup; another book, since the last search is kept for a while.
    fs::write(root.path().join("8/comm"), "slurmstepd\n").unwrap();
    fs::write(root.path().join("8/cmdline"), "slurmstepd: [16.batch]\0").unwrap();
    fs::write(root.path().join("8/status"), "Uid:\t0\t0\t0\t0\n").unwrap();
    let book = ProcessCache::start(ProcFs::new(root.path().into()));
    assert_eq!(book.facts(&[7], far())[0].job, Err(Absence::NotSupported));
    fs::write(root.path().join("8/cgroup"), "0::/system.slice/slurmstepd.scope/job_16/step_batch/slurm\n").unwrap();
    let book = ProcessCache::start(ProcFs::new(root.path().into()));
    assert_eq!(book.facts(&[7], far())[0].job, Ok(None), "jobs have cgroups, and this process has none");
}
