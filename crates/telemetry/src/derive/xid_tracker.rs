//! The Xid errors of each GPU, by UUID: counted as long as somebody listens, and held against the GPU until it is
//! reset.

use std::collections::BTreeMap;

use crate::{
    BootTime, Stamp,
    derive::{reset::ResetSigns, saved::SavedXids},
    sample::{GpuSample, XidSample},
    snapshot::{Gpu, Severity, Xid},
    xid,
};

/// Maximum number of latched Xid codes of one GPU; the catalogue has fewer.
const MAX_KINDS: usize = 256;

/// Xid history of one GPU.
#[derive(Clone, Debug, Default)]
pub(super) struct XidTracker {
    /// Since when somebody listens, or did last.
    since: Option<Stamp>,
    last: Option<(u64, Stamp)>,
    /// Number of errors since then.
    count: u64,
    /// Number of errors since the agent started, by severity.
    by_severity: [u64; Severity::ALL.len()],
    /// Number of errors since the agent started, by code; at most `MAX_KINDS` codes.
    by_code: BTreeMap<u64, u64>,
    /// Latched errors: the newest of each code since the last reset.
    held: BTreeMap<u64, Stamp>,
    signs: ResetSigns,
}

impl XidTracker {
    /// Restores the latched errors of another run, until a reading shows that the GPU was reset since.
    pub(super) fn restored(kept: SavedXids) -> Self {
        let SavedXids { held, signs, .. } = kept;
        let signs = ResetSigns::restored(signs);
        Self { held: held.into_iter().take(MAX_KINDS).collect(), signs, ..Self::default() }
    }

    /// The latched errors, and the readings that show a reset since; none without an error. A reading that this run has
    /// not made is that of an earlier one.
    pub(super) fn saved(&self, uuid: &str) -> Option<SavedXids> {
        let held: Vec<(u64, Stamp)> = self.held.iter().map(|(code, at)| (*code, *at)).collect();
        (!held.is_empty()).then(|| SavedXids { uuid: uuid.into(), held, signs: self.signs.saved() })
    }

    pub(super) fn add(&mut self, xid: &XidSample) {
        self.last = Some((xid.code, xid.at));
        if self.since.is_none_or(|since| xid.at.boot >= since.boot) {
            self.count = self.count.saturating_add(xid.times);
        }
        let severity = xid::look_up(xid.code).severity;
        for (one, count) in Severity::ALL.into_iter().zip(&mut self.by_severity) {
            *count = count.saturating_add(if one == severity { xid.times } else { 0 });
        }
        self.count_code(xid.code, xid.times);
        self.hold(xid.code, xid.at);
    }

    fn count_code(&mut self, code: u64, times: u64) {
        if self.by_code.len() < MAX_KINDS || self.by_code.contains_key(&code) {
            let count = self.by_code.entry(code).or_default();
            *count = count.saturating_add(times);
        }
    }

    fn hold(&mut self, code: u64, at: Stamp) {
        if self.held.len() < MAX_KINDS || self.held.contains_key(&code) {
            self.held.insert(code, at);
        }
    }

    /// Takes in a new reading of the GPU, before what happened since the last one. After a [reset](ResetSigns::read)
    /// nothing is held against the GPU any more. Where a GPU shows none, the errors are held until the host's reboot,
    /// or until the agent ends if it keeps nothing.
    pub(super) fn read(&mut self, gpu: &GpuSample, driver: Option<&str>) {
        if let Ok(since) = gpu.xid_since
            && self.since != Some(since)
        {
            // Errors in between are not known, so that the count is of this time alone.
            self.since = Some(since);
            self.count = 0;
        }
        if self.signs.read(gpu, driver) {
            self.held.clear();
        }
    }

    /// Uncorrected ECC errors since the driver was loaded, without the dips of single readings.
    pub(super) fn uncorrected(&self) -> Option<u64> {
        self.signs.uncorrected()
    }

    /// Takes over what was found under another name of the GPU.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.last = self.last.into_iter().chain(other.last).max_by_key(|(_, at)| at.boot);
        other.held.iter().for_each(|(code, at)| self.hold(*code, *at));
        for (count, more) in self.by_severity.iter_mut().zip(other.by_severity) {
            *count = count.saturating_add(more);
        }
        other.by_code.iter().for_each(|(code, times)| self.count_code(*code, *times));
        self.count = self.count.saturating_add(other.count);
    }

    /// The driver no longer counts the GPU: when it does again, it was taken off the bus and put back.
    pub(super) const fn miss(&mut self) {
        self.signs.miss();
    }

    /// The kinds of errors that are held against the GPU at a moment, with when each was last seen.
    pub(super) fn held(&self, now: BootTime) -> impl Iterator<Item = (xid::Entry, Stamp)> {
        let entries = self.held.iter().map(|(code, at)| (xid::look_up(*code), *at));
        entries.filter(move |(entry, at)| entry.holds().is_none_or(|holds| now.since(at.boot) < holds))
    }

    /// The GPU's Xid state. A GPU without a subscription, as while it is lost, keeps its errors; but that
    /// nothing was heard means something only where somebody listens.
    pub(super) fn state(&self, gpu: &Gpu) -> Xid {
        let since = gpu.xid.since;
        let count = if self.count > 0 { Ok(self.count) } else { since.map(|_| 0) };
        let held = self.held.iter().map(|(code, at)| (*code, *at)).collect();
        let by_code = self.by_code.iter().map(|(code, count)| (*code, *count)).collect();
        Xid { since, last: self.last, count, by_severity: self.by_severity, by_code, held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Absence,
        derive::tests::{at, gpu},
        fixtures::blank,
    };

    fn xid(code: u64, boot: u64) -> XidSample {
        XidSample {
            gpu: 0,
            uuid: Ok("A".into()),
            code,
            at: at(boot),
            times: 1,
            gpu_instance: None,
            compute_instance: None,
        }
    }

    fn held(xids: &XidTracker, now: u64) -> Vec<u64> {
        xids.held(BootTime(now)).map(|(entry, _)| entry.code).collect()
    }

    #[test]
    fn xid_of_application_expires_others_stay() {
        let mut xids = XidTracker::default();
        for code in [13, 31, 43, 45, 68, 109, 79, 4711] {
            xids.add(&xid(code, 1000));
        }
        assert_eq!(held(&xids, 600_999), [13, 31, 43, 45, 68, 79, 109, 4711]);
        assert_eq!(held(&xids, 601_000), [79, 4711]);
        xids.add(&xid(13, 601_000));
        assert_eq!(held(&xids, 601_001), [13, 79, 4711], "the newest of its kind counts");
    }

    #[test]
    fn gpu_reset_clears_latched_xids_and_not_the_count() {
        let mut xids = XidTracker::default();
        xids.read(&gpu(0, "A", 0), Some("1"));
        xids.add(&xid(48, 0));
        xids.read(&gpu(0, "A", 1000), Some("1"));
        assert_eq!(held(&xids, 1), [48]);
        xids.read(&gpu(0, "A", 2000), Some("2"));
        assert_eq!((held(&xids, 2), xids.count), (vec![], 1));
    }

    #[test]
    fn xid_count_covers_listening_time() {
        let lost = Err(Absence::Lost);
        let mut xids = XidTracker::default();
        let mut sample = gpu(0, "A", 0);
        for (name, listening, heard, count, all) in [
            ("nobody has listened yet", Err(Absence::Timeout), vec![], Err(Absence::Timeout), 0),
            ("from then on", Ok(at(5)), vec![7], Ok(1), 1),
            ("and on", Ok(at(5)), vec![8, 8], Ok(3), 3),
            ("not now, which undoes nothing", lost, vec![], Ok(3), 3),
            ("again, without the one that came before", Ok(at(20)), vec![19, 21], Ok(1), 5),
            ("another collector, and nothing yet", Ok(at(30)), vec![], Ok(0), 5),
            ("where nothing means nothing", lost, vec![], Err(Absence::Lost), 5),
        ] {
            sample.xid_since = listening;
            xids.read(&sample, None);
            heard.into_iter().for_each(|boot| xids.add(&xid(79, boot)));
            let mut shown = blank::gpu("A", at(0));
            shown.xid.since = listening;
            let reported = xids.state(&shown);
            assert_eq!(
                (reported.since, reported.count, reported.by_severity.iter().sum::<u64>()),
                (listening, count, all),
                "{name}"
            );
        }
        assert_eq!(xids.last, Some((79, at(21))));
        xids.add(&XidSample { times: 500, ..xid(79, 31) });
        assert_eq!((xids.count, xids.by_severity), (500, [0, 0, 505]), "a flood");
        xids.add(&xid(13, 32));
        assert_eq!(xids.state(&blank::gpu("A", at(0))).by_code, [(13, 1), (79, 505)]);
    }

    #[test]
    fn xid_flood_counted_not_all_kept() {
        let mut xids = XidTracker::default();
        for code in 10_000..20_000 {
            xids.add(&xid(code, 1));
        }
        assert_eq!((xids.count, xids.held.len(), xids.by_code.len()), (10_000, MAX_KINDS, MAX_KINDS));
        assert_eq!(xids.by_severity, [0, 10_000, 0], "unknown ones are warnings");
        let mut other = XidTracker::default();
        for code in 10_001..20_000 {
            other.add(&xid(code, 2));
        }
        xids.absorb(&other);
        assert_eq!((xids.count, xids.held.len(), xids.by_code.len()), (19_999, MAX_KINDS, MAX_KINDS));
        let counts = [10_000, 10_001].map(|code| (xids.by_code[&code], xids.held[&code]));
        assert_eq!(counts, [(1, at(1)), (2, at(2))], "of those that it has");
    }
}
