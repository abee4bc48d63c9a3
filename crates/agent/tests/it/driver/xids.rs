//! Xid events: subscription, retries, and a driver that hangs while it subscribes.

use telemetry::{Absence, frame::Message, sample::Sample};

use crate::{lifecycle::collector::collect, support::Driver};

#[test]
fn xids_reported_while_running() {
    let gpu = |xids: &str| {
        format!("[[gpu]]\nname = 'A'\nuuid = 'GPU-00000000-0000-0000-0000-00000000000a'\nxids = [{xids}]\n")
    };
    let driver = Driver::new(&gpu(""));
    let mut heard = Vec::new();
    let mut played = false;
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        let listening = sample.gpus.first().is_some_and(|gpu| gpu.xid_since.is_ok());
        if listening && !played {
            played = true;
            driver.play(&gpu("{ after_s = 0, code = 79 }, { after_s = 0.1, code = 31 }"));
        }
        heard.extend(sample.xids);
        heard.len() == 2
    });
    let codes: Vec<u64> = heard.iter().map(|xid| xid.code).collect();
    assert_eq!(codes, [79, 31]);
    assert_eq!(heard[0].uuid.as_deref(), Ok("GPU-00000000-0000-0000-0000-00000000000a"));
    assert_eq!((heard[0].gpu, heard[0].gpu_instance), (0, None));
}

/// Two GPUs, the second with these Xid errors, and what goes wrong.
fn two_that_are_heard(xids: &str, wrong: &str) -> String {
    format!("[[gpu]]\nxids = []\n[[gpu]]\nuuid = 'GPU-B'\nxids = [{xids}]\n{wrong}")
}

/// Since when each GPU is listened to.
fn since(sample: &Sample) -> Vec<telemetry::Reading<telemetry::Stamp>> {
    sample.gpus.iter().map(|gpu| gpu.xid_since).collect()
}

#[test]
fn xid_registration_retried() {
    let refused = "errors = { nvmlDeviceRegisterEvents = 999 }\n";
    let driver = Driver::new(&two_that_are_heard("", refused));
    let (mut failed, mut heard) = (false, Vec::new());
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        match since(&sample)[..] {
            [Ok(_), Err(Absence::Error)] if !failed => {
                failed = true;
                driver.play(&two_that_are_heard("", ""));
            }
            [Ok(_), Ok(_)] if failed => driver.play(&two_that_are_heard("{ after_s = 0, code = 79 }", "")),
            _ => {}
        }
        heard.extend(sample.xids.into_iter().map(|xid| (xid.gpu, xid.code)));
        !heard.is_empty()
    });
    assert!(failed);
    assert_eq!(heard, [(1, 79)]);
}

#[test]
fn xid_registration_renewed_after_lost_gpu() {
    let driver = Driver::new(&two_that_are_heard("", ""));
    let (mut seen, mut stage, mut heard) = (Vec::new(), 0, Vec::new());
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        let now = since(&sample);
        match (stage, &now[..]) {
            (0, [Ok(_), Ok(_)]) => {
                seen.clone_from(&now);
                driver.play(&two_that_are_heard("", "errors = { '*' = 15 }\n"));
                stage = 1;
            }
            (1, [Ok(_), Err(why)]) => {
                assert_eq!(*why, Absence::Lost);
                driver.play(&two_that_are_heard("", ""));
                stage = 2;
            }
            (2, [Ok(_), Ok(again)]) => {
                assert!(again.boot > seen[1].unwrap().boot, "what came between was not heard");
                driver.play(&two_that_are_heard("{ after_s = 0, code = 79 }", ""));
                stage = 3;
            }
            _ => {}
        }
        assert!(now.is_empty() || stage == 0 || now[0] == seen[0], "the other is listened to all the time");
        heard.extend(sample.xids.into_iter().map(|xid| (xid.gpu, xid.code)));
        !heard.is_empty()
    });
    assert_eq!((stage, heard), (3, vec![(1, 79)]));
}

#[test]
fn xid_registration_hang_isolated_and_named() {
    let wrong = "[[fault]]\nfunction = 'nvmlDeviceRegisterEvents'\ngpu = 0\nhang = true\n";
    let driver = Driver::new(&two_that_are_heard("", wrong));
    let (mut stuck, mut heard) = (None, Vec::new());
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        if let [_, Ok(_)] = since(&sample)[..] {
            driver.play(&two_that_are_heard("{ after_s = 0, code = 79 }", wrong));
        }
        stuck = stuck.take().or_else(|| Some(sample.gpus.first()?.stuck.as_ref()?.function.clone()));
        heard.extend(sample.xids.into_iter().map(|xid| (xid.gpu, xid.code)));
        stuck.is_some() && !heard.is_empty()
    });
    driver.play(&two_that_are_heard("", ""));
    assert_eq!((stuck.as_deref(), heard), (Some("nvmlDeviceRegisterEvents"), vec![(1, 79)]));
}

#[test]
fn xid_kept_after_gpu_stops_answering() {
    let driver = Driver::new(&two_that_are_heard("", ""));
    let hang = "[[fault]]\nfunction = '*'\ngpu = 1\nhang = true\n";
    let (mut played, mut heard) = (false, Vec::new());
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        if let [Ok(_), Ok(_)] = since(&sample)[..]
            && !played
        {
            played = true;
            driver.play(&two_that_are_heard("{ after_s = 0.1, code = 119 }, { after_s = 0.2, code = 79 }", hang));
        }
        heard.extend(sample.xids);
        heard.len() == 2
    });
    driver.play(&two_that_are_heard("", ""));
    let told: Vec<_> = heard.iter().map(|xid| (xid.gpu, xid.uuid.as_deref(), xid.code)).collect();
    assert_eq!(told, [(1, Ok("GPU-B"), 119), (1, Ok("GPU-B"), 79)]);
}

#[test]
fn xid_belongs_to_gpu_of_its_event() {
    let gpus = |xids: &str| {
        format!(
            "[[gpu]]\nuuid = 'GPU-A'\nxids = []\n[[gpu]]\nuuid = 'GPU-B'\nxids = []\n[[gpu]]\nuuid = 'GPU-C'\nxids = [{xids}]\n"
        )
    };
    let driver = Driver::new(&gpus(""));
    let (mut heard, mut played) = (Vec::new(), false);
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        if !played && sample.gpus.len() == 3 && since(&sample).iter().all(Result::is_ok) {
            played = true;
            driver.play(&gpus("{ after_s = 0, code = 79, heard_by = 1 }, { after_s = 0.1, code = 31 }"));
        }
        heard.extend(sample.xids.into_iter().map(|xid| (xid.gpu, xid.uuid, xid.code)));
        heard.len() == 2
    });
    heard.sort_by_key(|(.., code)| *code);
    assert_eq!(heard, [(2, Ok("GPU-C".into()), 31), (2, Ok("GPU-C".into()), 79)]);
}
