//! Which GPU's calls the library dies in. One that brought it down twice in ten minutes is left out for ten minutes,
//! so that the others live.

use std::time::{Duration, Instant};

use telemetry::{derive::LeftOut, sample::Call};

/// Two deaths within this time are one too many, and a GPU is left out for this long.
const TERM: Duration = Duration::from_secs(600);

/// The deaths of late, and who is left out for them.
#[derive(Debug, Default)]
pub(super) struct Blame {
    deaths: Vec<(u32, String, Instant)>,
    left_out: Vec<(LeftOut, Instant)>,
}

impl Blame {
    /// Takes note of the call that a collector died in; the GPU, if it is left out from now on.
    pub(super) fn died_in(&mut self, call: &Call, now: Instant) -> Option<&LeftOut> {
        let gpu = call.gpu?;
        self.deaths.retain(|(.., when)| now.duration_since(*when) < TERM);
        self.deaths.push((gpu, call.function.clone(), now));
        if self.deaths.iter().filter(|(blamed, ..)| *blamed == gpu).count() < 2 {
            return None;
        }
        self.deaths.retain(|(blamed, ..)| *blamed != gpu);
        self.left_out.push((LeftOut { gpu, function: call.function.clone() }, now + TERM));
        self.left_out.last().map(|(out, _)| out)
    }

    /// Who is left out now, and for how much longer.
    pub(super) fn left_out(&mut self, now: Instant) -> Vec<(LeftOut, Duration)> {
        self.left_out.retain(|(_, until)| now < *until);
        self.left_out.iter().map(|(out, until)| (out.clone(), until.duration_since(now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::BootTime;

    #[test]
    fn gpu_excluded_ten_minutes_after_second_crash() {
        let call = |gpu| Call { function: "nvmlX".into(), gpu, since: BootTime(1) };
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut blame = Blame::default();
        assert_eq!(blame.died_in(&call(None), at(0)), None);
        assert_eq!(blame.died_in(&call(None), at(1)), None, "no GPU's call");
        assert_eq!(blame.died_in(&call(Some(1)), at(2)), None);
        assert_eq!(blame.died_in(&call(Some(0)), at(3)), None, "another GPU");
        assert_eq!(blame.died_in(&call(Some(1)), at(602)), None, "the first is forgotten");
        assert!(blame.left_out(at(602)).is_empty());
        let out = LeftOut { gpu: 1, function: "nvmlX".into() };
        assert_eq!(blame.died_in(&call(Some(1)), at(700)), Some(&out));
        assert_eq!(blame.left_out(at(1000)), [(out, Duration::from_secs(300))]);
        assert!(blame.left_out(at(1300)).is_empty());
        assert_eq!(blame.died_in(&call(Some(1)), at(1301)), None, "it starts anew");
    }
}
