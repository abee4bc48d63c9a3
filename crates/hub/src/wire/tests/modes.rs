//! Modes of GPUs, as both releases report them.

use super::*;

#[test]
fn mig_mode_known_if_read_or_not_supported() {
    let held = |gpu: &Value, why: Option<&str>| {
        let mut new = one(&json!({"use": "held", "verdict": "held", "mig_mode": gpu}));
        let mut old = older_json();
        old["gpus"][0]["modes"]["mig"] = gpu.clone();
        old["gpus"][0]["absent"].as_object_mut().unwrap().remove("modes.mig");
        if let Some(why) = why {
            new["absent"] = json!({"gpus.0.mig_mode": why});
            old["gpus"][0]["absent"]["modes.mig"] = why.into();
        }
        let [new, old] = [of_summary(&new), of_snapshot(&old)].map(|report| report.unwrap().gpus[0].mig_mode);
        assert_eq!(new, old);
        new
    };
    assert_eq!(held(&json!(true), None), Some(true));
    assert_eq!(held(&json!(false), None), Some(false));
    assert_eq!(held(&json!(null), Some("not_supported")), Some(false));
    for why in [None, Some("timeout"), Some("error"), Some("denied")] {
        assert_eq!(held(&json!(null), why), None);
    }
    assert_eq!(held(&json!("off"), None), None);
    assert_eq!(gpu(&json!({"mig_mode": null})).r#use, UseVerdict::Unknown, "not free before the mode is read");
}

#[test]
fn prohibited_compute_mode_read() {
    assert!(gpu(&json!({"compute_mode": "prohibited"})).is_prohibited.unwrap());
    for mode in [json!("default"), json!("exclusive_process"), json!(null), json!(2)] {
        assert!(!gpu(&json!({"compute_mode": mode})).is_prohibited.unwrap(), "{mode}");
    }
    let mut old = older_json();
    assert!(!of_snapshot(&old).unwrap().gpus[0].is_prohibited.unwrap());
    old["gpus"][0]["modes"]["compute"] = "prohibited".into();
    assert!(of_snapshot(&old).unwrap().gpus[0].is_prohibited.unwrap());
}
