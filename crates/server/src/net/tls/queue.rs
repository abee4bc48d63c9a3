//! The turns in which handshakes are calculated.
//!
//! A handshake costs up to some milliseconds of the one thread that also answers; everything else costs microseconds.
//! So one is calculated at a time, and between two of them whatever else is ready has its turn. Strangers take turns
//! too: each address has one handshake in the queue, however many connections it has.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::net::peer::Origin;

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    all: Semaphore,
    each: Mutex<HashMap<Origin, Arc<Semaphore>>>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { all: Semaphore::new(1), each: Mutex::default() }
    }
}

/// A turn, until this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _all: Option<SemaphorePermit<'a>>,
    _one: Option<OwnedSemaphorePermit>,
    /// Dropped after the permits, since it looks whether anybody else has one.
    _line: Line<'a>,
}

/// A place in an address's own line.
#[derive(Debug)]
struct Line<'a> {
    queue: &'a Queue,
    origin: Origin,
    each: Option<Arc<Semaphore>>,
}

impl Queue {
    /// Waits for a turn.
    pub(super) async fn turn(&self, origin: Origin) -> Turn<'_> {
        let each = {
            let mut lines = self.each.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lines.entry(origin).or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        let line = Line { queue: self, origin, each: Some(Arc::clone(&each)) };
        // Neither is ever closed, so neither wait fails.
        let one = each.acquire_owned().await.ok();
        Turn { _all: self.all.acquire().await.ok(), _one: one, _line: line }
    }
}

impl Turn<'_> {
    /// Ends it once everything else that is ready has had its own.
    pub(super) async fn end(self) {
        // The runtime looks for what has become ready before it comes back here.
        tokio::task::yield_now().await;
        drop(self);
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut lines = self.queue.each.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.each.take());
        // The last one of an address takes its line away.
        if lines.get(&self.origin).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(number: u32) -> Origin {
        Origin::Ip(std::net::Ipv4Addr::from_bits(number).into())
    }

    #[tokio::test]
    async fn handshakes_take_turns_by_address() {
        let queue = Arc::new(Queue::default());
        let (order, mut told) = tokio::sync::mpsc::unbounded_channel();
        let first = queue.turn(stranger(0)).await;
        let waiting: Vec<_> = [1, 1, 1, 1, 2, 3]
            .into_iter()
            .map(|number| {
                let (queue, order) = (Arc::clone(&queue), order.clone());
                tokio::spawn(async move {
                    let turn = queue.turn(stranger(number)).await;
                    order.send(number).unwrap();
                    turn.end().await;
                })
            })
            .collect();
        tokio::task::yield_now().await;
        first.end().await;
        for task in waiting {
            task.await.unwrap();
        }
        let mut seen = Vec::new();
        while let Ok(number) = told.try_recv() {
            seen.push(number);
        }
        assert_eq!(seen, [1, 2, 3, 1, 1, 1]);
        assert!(queue.each.lock().unwrap().is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn other_work_runs_between_handshakes() {
        let queue = Arc::new(Queue::default());
        let served = Arc::new(tokio::sync::Notify::new());
        let first = queue.turn(stranger(1)).await;
        let second = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { drop(queue.turn(stranger(2)).await) }
        });
        let other = tokio::spawn({
            let served = Arc::clone(&served);
            async move { served.notified().await }
        });
        tokio::task::yield_now().await;
        served.notify_one();
        first.end().await;
        assert!(other.is_finished() && !second.is_finished());
        second.await.unwrap();
    }

    #[tokio::test]
    async fn queue_entry_removed_on_drop() {
        let queue = Arc::new(Queue::default());
        let first = queue.turn(stranger(1)).await;
        for number in [1, 1, 2] {
            let turn = std::pin::pin!(queue.turn(stranger(number)));
            assert!(futures_util::FutureExt::now_or_never(turn).is_none());
        }
        drop(first);
        assert!(queue.each.lock().unwrap().is_empty());
        drop(queue.turn(stranger(2)).await);
    }
}
