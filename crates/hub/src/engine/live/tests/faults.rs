//! Scrapes that fail, evaluations that are half there, and readings that no newer one confirms.

use super::*;

fn uses(report: &Report) -> Vec<(u32, UseVerdict)> {
    report.gpus.iter().map(|gpu| (gpu.index, gpu.r#use)).collect()
}

#[tokio::test]
async fn free_gpu_of_an_older_evaluation_not_offered() {
    let free =
        |gpu: &str, uuid: &str, ago: f64| (format!("instance=a:1,gpu={gpu},uuid={uuid}"), at(now().unix - ago, 8e10));
    for (series, expected) in [
        (vec![free("0", "U0", 0.0), free("1", "U1", 0.0)], &[0, 1][..]),
        // One was taken or removed, and is still in the engine's window.
        (vec![free("0", "U0", 0.0), free("1", "U1", 15.0)], &[0]),
        // Two UUIDs of one GPU.
        (vec![free("0", "U0", 0.0), free("1", "U1", 0.0), free("1", "U9", 0.0)], &[0]),
        // Another one replaced it.
        (vec![free("0", "U8", 15.0), free("0", "U0", 0.0)], &[0]),
    ] {
        let model = Model::default();
        model.host(2.0, &KINDS);
        model.set("free_memory_bytes:min", &series);
        let (mut live, _stand_in) = live(&model).await;
        let report = report_of(&refreshed(&mut live, &list(&["a"]), &nobody()).await, "a");
        let free: Vec<u32> =
            report.gpus.iter().filter(|gpu| gpu.r#use == UseVerdict::Free).map(|gpu| gpu.index).collect();
        assert_eq!(free, expected, "{series:?}");
    }
}

#[tokio::test]
async fn numbers_that_are_missing_are_unknown() {
    for missing in ["free", "held", "busy", "all"] {
        let model = Model::default();
        let kinds: Vec<_> = KINDS.into_iter().filter(|(kind, _)| *kind != missing).collect();
        model.host(2.0, &kinds);
        let (mut live, _stand_in) = live(&model).await;
        let report = report_of(&refreshed(&mut live, &list(&["a"]), &nobody()).await, "a");
        assert_eq!(report.counts, None, "without {missing}");
    }
}

#[tokio::test]
async fn evaluation_counts_once_it_is_whole() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    let (read, old) = (now().unix - 2.0, now().unix - 16.0);
    let kinds: Vec<Series> = KINDS.iter().map(|(kind, n)| (format!("instance=a:1,kind={kind}"), at(old, *n))).collect();
    model.set("gpus:count", &kinds);
    model.set("read_timestamp_seconds:max", &[("instance=a:1".into(), vec![(old, old - 1.0), (read + 1.0, read)])]);
    let (mut live, _stand_in) = live(&model).await;
    let report = report_of(&refreshed(&mut live, &list(&["a"]), &nobody()).await, "a");
    assert!(report.counts.is_some(), "of the evaluation before");
    assert!(report.age.unwrap() >= Duration::from_secs(17), "as old as that one: {:?}", report.age);
    assert!(
        live.pace.evaluation() > 0.0 && live.pace.pause() < Duration::from_secs(3),
        "asked again soon, and later from now on"
    );
}

#[tokio::test]
async fn failed_scrape_makes_a_host_stale_between_refreshes() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    let free = ("instance=a:1,gpu=1,uuid=U1".into(), fresh(8e10));
    model.set("free_memory_bytes:min", &[free]);
    let (mut live, stand_in) = live(&model).await;
    let list = list(&["a"]);
    let report = report_of(&refreshed(&mut live, &list, &nobody()).await, "a");
    assert_eq!((report.stale.as_deref(), uses(&report)), (None, vec![(1, UseVerdict::Free)]));
    assert!(live.beat(&nobody()).await.is_empty(), "nothing has changed");
    for failed in [vec![], vec![("instance=a:1".into(), fresh(0.0))]] {
        model.set("scrape_samples_scraped", &failed);
        let before = stand_in.asked().len();
        let report = report_of(&live.beat(&nobody()).await, "a");
        assert_eq!(report.stale.as_deref(), Some("the engine's newest scrape of it failed"));
        assert_eq!(stand_in.asked().len(), before + 1);
        model.set("scrape_samples_scraped", &[("instance=a:1".into(), fresh(now().unix))]);
        assert_eq!(report_of(&live.beat(&nobody()).await, "a").stale, None);
    }
    // Without an answer, what is known stays.
    model.fail("scrape_samples_scraped", Answer::html(502, "<html>"));
    assert!(live.beat(&nobody()).await.is_empty());
}

#[tokio::test]
async fn host_that_somebody_looks_at_renewed_between_refreshes() {
    let model = Model::default();
    model.host(2.0, &KINDS);
    let gpu = |values| [raw("job=j,gpu=0,uuid=U0", 100.0, values), agent("job=j", 100.0)].concat();
    model.set("agent_snapshot_timestamp_seconds|", &gpu(&FREE));
    let (mut live, stand_in) = live(&model).await;
    let looking = looking(&["a"]);
    let report = report_of(&refreshed(&mut live, &list(&["a"]), &looking).await, "a");
    assert_eq!(uses(&report), [(0, UseVerdict::Free)]);
    model.set("agent_snapshot_timestamp_seconds|", &gpu(&BUSY));
    let before = stand_in.asked().len();
    assert_eq!(uses(&report_of(&live.beat(&looking).await, "a")), [(0, UseVerdict::Busy)]);
    assert_eq!(stand_in.asked().len(), before + 2);
}

#[tokio::test]
async fn reading_counts_for_its_scrape_and_ten_seconds() {
    for (own, raw_limit, limit) in [(1.0, 24, 39), (10.0, 34, 45), (60.0, 84, 99)] {
        let model = Model::default();
        model.host(2.0, &KINDS);
        model.set(
            "agent_snapshot_timestamp_seconds|",
            &[raw("job=j,gpu=0,uuid=U0", 100.0, &FREE), agent("job=j", 100.0)].concat(),
        );
        model.set("_info\"}[", &[("__name__=nvsmi_agent_interval_seconds,instance=a:1".into(), fresh(own))]);
        let (mut live, _stand_in) = live(&model).await;
        let list = list(&["a"]);
        let mut limit_of =
            async |names| report_of(&refreshed(&mut live, &list, &names).await, "a").limit.unwrap().as_secs();
        // Each refresh reads facts only once.
        assert_eq!((limit_of(nobody()).await, limit_of(looking(&["a"])).await), (limit, raw_limit), "{own}");
    }
}

#[tokio::test]
async fn compute_mode_read() {
    for (modes, expected) in [
        (&["default"][..], Some(false)),
        (&["exclusive_process"], Some(false)),
        (&["prohibited"], Some(true)),
        (&["unknown_7"], None),
        (&["default", "prohibited"], None),
        (&[], None),
    ] {
        let modes: Vec<String> = modes.iter().map(|mode| format!("gpu_compute_mode mode={mode}")).collect();
        let values: Vec<(&str, f64)> = modes.iter().map(|mode| (mode.as_str(), 1.0)).chain(FREE).collect();
        let report = looked_at(&[raw("job=j,gpu=0,uuid=U0", 100.0, &values), agent("job=j", 100.0)].concat()).await;
        assert_eq!(report.gpus[0].is_prohibited, expected, "{modes:?}");
    }
}
