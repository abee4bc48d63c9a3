//! Memory of the calls that a handle does not support, so that they are not repeated on every tick.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::nvml::Code;

/// Time after which an unsupported call is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// Source of numbers for [`CallSite`].
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A place in the code that calls one function of the library.
#[derive(Debug)]
pub(crate) struct CallSite {
    /// Its number plus one; 0 before the first use.
    number: AtomicUsize,
}

/// Knowledge about one call.
#[derive(Clone, Copy, Debug, Default)]
enum Known {
    #[default]
    Nothing,
    /// It has succeeded with this handle: asked every time from then on.
    Works,
    Unsupported {
        code: Code,
        retry: Instant,
    },
}

/// Unsupported calls of one handle. A new handle starts without any.
#[derive(Debug, Default)]
pub(crate) struct Support(RefCell<Vec<Known>>);

impl CallSite {
    pub(crate) const fn new() -> Self {
        Self { number: AtomicUsize::new(0) }
    }

    fn number(&self) -> usize {
        match self.number.load(Ordering::Relaxed) {
            0 => {
                // Two threads may race here. The loser's number is never used.
                let new = NEXT.fetch_add(1, Ordering::Relaxed) + 1;
                match self.number.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => new - 1,
                    Err(other) => other - 1,
                }
            }
            number => number - 1,
        }
    }
}

impl Support {
    /// Makes a call, or returns its last code if it has never succeeded and was not supported within [`RETRY`].
    pub(crate) fn call(&self, site: &CallSite, call: impl FnOnce() -> Result<(), Code>) -> Result<(), Code> {
        self.call_at(Instant::now, site.number(), call)
    }

    fn call_at(
        &self,
        now: impl Fn() -> Instant,
        site: usize,
        call: impl FnOnce() -> Result<(), Code>,
    ) -> Result<(), Code> {
        let known = self.0.borrow().get(site).copied().unwrap_or_default();
        if let Known::Unsupported { code, retry } = known
            && now() < retry
        {
            return Err(code);
        }
        let result = call();
        let learned = match (known, result) {
            (Known::Works, _) => return result,
            (_, Ok(())) => Known::Works,
            (_, Err(code @ (Code::NOT_SUPPORTED | Code::FUNCTION_NOT_FOUND))) => {
                Known::Unsupported { code, retry: now() + RETRY }
            }
            (_, Err(_)) => return result,
        };
        let mut all = self.0.borrow_mut();
        if all.len() <= site {
            all.resize(site + 1, Known::Nothing);
        }
        if let Some(known) = all.get_mut(site) {
            *known = learned;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn unsupported_call_retried_after_a_minute_until_it_succeeds_once() {
        let support = Support::default();
        let begun = Instant::now();
        let calls = Cell::new(0);
        let ask = |seconds: u64, answer: Result<(), Code>| {
            let before = calls.get();
            let result = support.call_at(
                || begun + Duration::from_secs(seconds),
                3,
                || {
                    calls.set(before + 1);
                    answer
                },
            );
            (result, calls.get() > before)
        };
        let no = Err(Code::NOT_SUPPORTED);
        assert_eq!(ask(0, Err(Code::UNKNOWN)), (Err(Code::UNKNOWN), true));
        assert_eq!(ask(1, no), (no, true), "other failures are no refusal");
        assert_eq!(ask(60, Ok(())), (no, false));
        assert_eq!(ask(61, no), (no, true));
        assert_eq!(ask(120, Ok(())), (no, false));
        assert_eq!(ask(121, Ok(())), (Ok(()), true));
        assert_eq!(ask(122, no), (no, true));
        assert_eq!(ask(123, no), (no, true), "it has succeeded once");
    }

    #[test]
    fn call_sites_have_numbers_of_their_own() {
        static FIRST: CallSite = CallSite::new();
        static SECOND: CallSite = CallSite::new();
        let support = Support::default();
        assert_eq!(support.call(&FIRST, || Err(Code::FUNCTION_NOT_FOUND)), Err(Code::FUNCTION_NOT_FOUND));
        assert_eq!(support.call(&SECOND, || Ok(())), Ok(()));
        assert_eq!(support.call(&FIRST, || Ok(())), Err(Code::FUNCTION_NOT_FOUND));
    }
}
