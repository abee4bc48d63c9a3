//! Answers in part, and values that cannot be.

use super::*;

#[tokio::test]
async fn part_of_problems_does_not_prove_health() {
    let data = r#""data":{"resultType":"vector","result":[{"metric":{"instance":"a:1","gpu":"2","code":"x"},"value":[1,"1"]}]}"#;
    for head in [r#""isPartial":true"#, r#""warnings":["a store is down"]"#] {
        let model = Model::default();
        model.host(2.0, &KINDS);
        model.set("free_memory_bytes:min", &[("instance=a:1,gpu=1,uuid=U1".into(), fresh(8e10))]);
        let info = |gpu: u32| (format!("instance=a:1,gpu={gpu},uuid=U{gpu}"), fresh(1.0));
        model.set("nvsmi_gpu_info[", &[info(1), info(2)]);
        model.fail("nvsmi_gpu_health_reason", Answer::json(200, &format!(r#"{{"status":"success",{head},{data}}}"#)));
        let (mut live, _stand_in) = live(&model).await;
        let report = report_of(&refreshed(&mut live, &list(&["a"]), &nobody()).await, "a");
        let health: Vec<_> = report.gpus.iter().map(|gpu| (gpu.index, gpu.health)).collect();
        assert_eq!(health, [(1, None), (2, Some(Severity::Critical))], "{head}");
        // The same for the samples of a host that somebody looks at.
        let raw = r#""data":{"resultType":"matrix","result":[{"metric":{"__name__":"nvsmi_gpu_use","instance":"a:1","gpu":"1","verdict":"free"},"values":[[100,"1"]]},{"metric":{"__name__":"nvsmi_agent_snapshot_timestamp_seconds","instance":"a:1"},"values":[[100,"100"]]}]}"#;
        model.set("nvsmi_gpu_health_reason", &[]);
        model.fail(
            "agent_snapshot_timestamp_seconds|",
            Answer::json(200, &format!(r#"{{"status":"success",{head},{raw}}}"#)),
        );
        let report = report_of(&refreshed(&mut live, &list(&["a"]), &looking(&["a"])).await, "a");
        assert_eq!((report.gpus.len(), report.gpus[0].health), (1, None), "{head}");
    }
}

#[tokio::test]
async fn longer_interval_of_an_agent_is_its_own() {
    for (own, expected) in [(60.0, 60), (1.0, 15), (1e9, 300)] {
        let model = Model::default();
        model.host(2.0, &KINDS);
        let interval = ("__name__=nvsmi_agent_interval_seconds,instance=a:1".into(), fresh(own));
        model.set("_info\"}[", &[interval]);
        let (mut live, _stand_in) = live(&model).await;
        let list = list(&["a"]);
        assert_eq!(
            report_of(&refreshed(&mut live, &list, &nobody()).await, "a").interval,
            Some(Duration::from_secs(expected))
        );
        live.clocks.values_mut().for_each(|clock| clock.rewind(Duration::from_secs(46)));
        let stale = report_of(&refreshed(&mut live, &list, &nobody()).await, "a").stale;
        assert_eq!(stale.is_some(), own < 15.0, "{own}: {stale:?}");
    }
}

#[tokio::test]
async fn begin_of_use_read() {
    for (start, since) in [(1_795_406_910.864, Some(1_795_406_910_864)), (0.0, None), (-1.0, None), (1e300, None)] {
        let values = [FREE.to_vec(), vec![("gpu_use_start_timestamp_seconds", start)]].concat();
        let report = looked_at(&[raw("job=j,gpu=0,uuid=U0", 100.0, &values), agent("job=j", 100.0)].concat()).await;
        assert_eq!(report.gpus[0].since_ms, since);
    }
}

#[tokio::test]
async fn values_out_of_range_neither_wrap_nor_show() {
    let model = Model::default();
    model.host(2.0, &[("free", 4_294_967_297.0), ("busy", 1e300), ("held", -1.0), ("all", 8.0)]);
    let (mut live, _stand_in) = live(&model).await;
    let counts = report_of(&refreshed(&mut live, &list(&["a"]), &nobody()).await, "a").counts.unwrap();
    assert_eq!((counts.free, counts.busy, counts.held, counts.unknown), (u32::MAX, u32::MAX, 0, 0));
    for (ratio, percent) in [(2.0, None), (-0.5, None), (1e300, None), (1.0, Some(100)), (0.0, Some(0))] {
        let rest = [("gpu_utilization_ratio", ratio), ("gpu_power_watts", -1.0), ("gpu_temperature_celsius", 1e9)];
        let report = looked_at(&[raw("job=j,gpu=0,uuid=U0", 100.0, &rest), agent("job=j", 100.0)].concat()).await;
        let gpu = &report.gpus[0];
        assert_eq!((gpu.utilization_percent, gpu.power_watts, gpu.temperature_celsius), (percent, None, None));
    }
}
