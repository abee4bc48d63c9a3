use std::{io::Write as _, sync::Arc, thread};

use proptest::prelude::*;

use super::*;

fn environment(variables: &[&str]) -> Vec<u8> {
    variables.iter().flat_map(|variable| [variable.as_bytes(), b"\0"].concat()).collect()
}

#[test]
fn number_for_users_agrees_with_job() {
    const HET: [&str; 4] =
        ["SLURM_JOB_ID=10", "SLURM_HET_SIZE=2", "SLURM_JOB_ID_HET_GROUP_0=10", "SLURM_JOB_ID_HET_GROUP_1=11"];
    let array = |job: &'static str| vec![job, "SLURM_ARRAY_JOB_ID=2", "SLURM_ARRAY_TASK_ID=3"];
    let no = Err(Absence::NotSupported);
    for (job, variables, expected) in [
        ("3", array("SLURM_JOB_ID=3"), Ok("2_3".into())),
        // The last task keeps the array's number.
        ("2", vec!["SLURM_JOB_ID=2", "SLURM_ARRAY_JOB_ID=2", "SLURM_ARRAY_TASK_ID=4"], Ok("2_4".into())),
        ("42", vec!["HOME=/", "SLURM_JOB_ID=42"], Ok("42".into())),
        ("10", HET.to_vec(), Ok("10+0".into())),
        ("11", HET.to_vec(), Ok("10+1".into())),
        // Another job's, none, or nonsense.
        ("4", array("SLURM_JOB_ID=3"), no.clone()),
        ("1", array("SLURM_JOB_ID=1"), no.clone()),
        ("3", vec!["SLURM_JOB_ID=3", "SLURM_ARRAY_JOB_ID=2"], no.clone()),
        ("3", vec!["SLURM_JOB_ID=3", "SLURM_ARRAY_JOB_ID=2", "SLURM_ARRAY_TASK_ID=x"], no.clone()),
        ("12", HET.to_vec(), no.clone()),
        ("9", [&HET[..], &["SLURM_JOB_ID_HET_GROUP_1=9"]].concat()[..3].to_vec(), no.clone()),
        ("3", vec![], no.clone()),
        ("3", vec!["XSLURM_JOB_ID=3", "SLURM_JOB_ID=+3"], no.clone()),
        ("3", vec!["SLURM_JOB_ID=99999999999999999999"], no.clone()),
        ("11", vec!["SLURM_JOB_ID=10", "SLURM_HET_SIZE=99999999999", "SLURM_JOB_ID_HET_GROUP_0=10"], no),
    ] {
        assert_eq!(shown(job, &environment(&variables)), expected, "{job} {variables:?}");
    }
}

#[test]
fn hanging_search_blocks_no_other_reader() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("7");
    fs::create_dir(&folder).unwrap();
    for (file, content) in [("comm", "slurmstepd\n"), ("status", "Uid:\t0\t0\t0\t0\n"), ("cgroup", "0::/\n")] {
        fs::write(folder.join(file), content).unwrap();
    }
    // Opening a pipe that nobody writes blocks as a held lock does.
    let pipe = folder.join("cmdline");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let both = Arc::new((Untracked::default(), ProcFs::new(root.path().into())));
    let ask = || {
        let both = Arc::clone(&both);
        thread::spawn(move || both.0.is(&both.1))
    };
    let first = ask();
    let mut pipe = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let other = ask();
    let limit = Instant::now() + Duration::from_secs(30);
    while !other.is_finished() {
        assert!(Instant::now() < limit, "it waits for the search that hangs");
        thread::yield_now();
    }
    assert_eq!(other.join().unwrap(), Err(Absence::Timeout), "nothing is known yet");
    pipe.write_all(b"slurmstepd: [16.batch]\0").unwrap();
    drop(pipe);
    assert_eq!(first.join().unwrap(), Ok(true));
    assert_eq!(both.0.is(&both.1), Ok(true), "the result is kept");
}

proptest! {
    #[test]
    fn arbitrary_environment_tolerated(job in "[0-9]{1,25}", bytes in any::<Vec<u8>>(), title in ".*") {
        let _ = (shown(&job, &bytes), step_in_title(&title));
    }
}
