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

proptest! {
    #[test]
    fn arbitrary_environment_tolerated(job in "[0-9]{1,25}", bytes in any::<Vec<u8>>(), title in ".*") {
        let _ = (shown(&job, &bytes), step_in_title(&title));
    }
}
