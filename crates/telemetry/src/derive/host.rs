//! The host, from the newest sample and the one before it.

use crate::{
    Absence, Reading, Stamp,
    derive::cpu,
    sample::{CpuTicks, HostSample, Sample},
    snapshot::Host,
};

#[derive(Debug, Default)]
pub(super) struct HostWatch {
    newest: Option<(HostSample, Stamp)>,
    ticks: Option<CpuTicks>,
    cpu_percent: Option<Reading<f64>>,
}

impl HostWatch {
    /// Takes in a sample that was not taken in before.
    pub(super) fn add(&mut self, sample: &Sample) {
        let mut host = sample.host.clone();
        if let Some((known, _)) = self.newest.take() {
            // A collector that is only starting does not report them, and they do not change while the agent lives.
            host.hostname = host.hostname.or(known.hostname);
            host.booted_at_ms = host.booted_at_ms.or(known.booted_at_ms);
        }
        // Two frames within one tick of the kernel's clock say nothing new.
        if host.cpu.is_err() || host.cpu.ok() != self.ticks {
            let compare = |now| self.ticks.map_or(Err(Absence::Timeout), |before| cpu::host_percent(before, now));
            self.cpu_percent = Some(host.cpu.and_then(compare));
            self.ticks = host.cpu.ok();
        }
        self.newest = Some((host, sample.assembled));
    }

    /// The host as known now. After `expired`, changing values are no longer shown and constant ones stay.
    pub(super) fn host(&self, now: Stamp, expired: std::time::Duration) -> Host {
        let Some((host, at)) = &self.newest else { return Host::absent(Absence::Timeout) };
        let fixed =
            Host { hostname: host.hostname.clone(), booted_at_ms: host.booted_at_ms, ..Host::absent(Absence::Timeout) };
        if now.boot.since(at.boot) > expired {
            return fixed;
        }
        Host {
            cpu_percent: self.cpu_percent.unwrap_or(Err(Absence::Timeout)),
            load_1m: cpu::sane(host.load_1m),
            memory_total_bytes: host.memory_total_bytes,
            memory_available_bytes: host.memory_available_bytes,
            ..fixed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{fixtures::blank, sample::Driver};

    fn sample(at: u64, busy: u64, total: u64) -> Sample {
        let host = HostSample {
            hostname: Ok("gpu01".into()),
            cpu: Ok(CpuTicks { busy, total }),
            load_1m: Ok(0.5),
            ..HostSample::absent(Absence::Denied)
        };
        Sample { host, ..Sample::of(Driver::Suspended, blank::at(at)) }
    }

    const EXPIRED: Duration = Duration::from_secs(60);

    #[test]
    fn host_cpu_compared_with_last_sample() {
        let mut watch = HostWatch::default();
        assert_eq!(watch.host(blank::at(0), EXPIRED), Host::absent(Absence::Timeout));
        for (at, busy, total, expected) in [
            (1000, 10, 100, Err(Absence::Timeout)),
            (2000, 20, 140, Ok(25.0)),
            (2005, 20, 140, Ok(25.0)),
            (3000, 20, 180, Ok(0.0)),
            (4000, 5, 220, Err(Absence::Error)),
            (5000, 25, 260, Ok(50.0)),
        ] {
            watch.add(&sample(at, busy, total));
            assert_eq!(watch.host(blank::at(at), EXPIRED).cpu_percent, expected, "at {at}");
        }
        let host = watch.host(blank::at(5000), EXPIRED);
        assert_eq!((host.load_1m, host.memory_total_bytes), (Ok(0.5), Err(Absence::Denied)));
    }

    #[test]
    fn host_values_expire_name_stays() {
        let mut watch = HostWatch::default();
        watch.add(&sample(1000, 1, 2));
        watch.add(&Sample::of(Driver::Starting { call: None }, blank::at(2000)));
        let starting = watch.host(blank::at(2000), EXPIRED);
        assert_eq!((starting.hostname, starting.load_1m), (Ok("gpu01".into()), Err(Absence::Timeout)));
        watch.add(&sample(3000, 1, 2));
        assert_eq!(watch.host(blank::at(63_000), EXPIRED).load_1m, Ok(0.5));
        let late = watch.host(blank::at(63_001), EXPIRED);
        assert_eq!((late.hostname, late.load_1m), (Ok("gpu01".into()), Err(Absence::Timeout)));
    }

    #[test]
    fn host_load_nan_is_absent() {
        for load in [f64::NAN, f64::INFINITY, -1.0] {
            let mut sample = sample(0, 1, 2);
            sample.host.load_1m = Ok(load);
            let mut watch = HostWatch::default();
            watch.add(&sample);
            assert_eq!(watch.host(blank::at(0), EXPIRED).load_1m, Err(Absence::Error));
        }
    }
}
