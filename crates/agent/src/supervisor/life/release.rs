//! A release: the collector is let go, and none is started until its time is over.

use std::time::Instant;

use crate::supervisor::{
    life::{Life, Phase},
    orders::Order,
    words::named,
};

impl Life {
    /// Does what an administrator asks.
    pub(in crate::supervisor) fn obey(&mut self, order: Order) {
        match order {
            Order::Release { length, answer } => {
                self.hold.begin(length, answer);
                if matches!(self.phase, Phase::Running) {
                    self.dismissed = true;
                    self.leave();
                }
            }
            Order::Resume { answer } => {
                let was_on = self.hold.end();
                if let (true, Phase::Down { until }) = (was_on, &mut self.phase) {
                    *until = Instant::now();
                }
                // Who asked may have gone: it is done all the same.
                let _ = answer.send(was_on);
            }
        }
    }

    /// Answers an administrator who waits for the collector's end.
    pub(in crate::supervisor) fn answer(&mut self) {
        let process = self.process.as_ref();
        self.hold.answer(|| process.map(|process| named(process.pid(), &process.calls())));
    }
}
