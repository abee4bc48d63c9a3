//! Fair queue of TLS handshakes.
//!
//! A handshake costs up to some milliseconds of the only HTTP thread; everything else costs microseconds. Handshakes
//! are therefore computed one at a time, and other ready tasks run between two of them. Each client address has one
//! handshake in the queue, however many connections it has.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::net::ClientNet;

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    all: Semaphore,
    per_client: Mutex<HashMap<ClientNet, Arc<Semaphore>>>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { all: Semaphore::new(1), per_client: Mutex::default() }
    }
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _all: Option<SemaphorePermit<'a>>,
    _one: Option<OwnedSemaphorePermit>,
    /// Dropped after the permits, because it checks if others hold one.
    _line: Line<'a>,
}

/// A place in the line of one address.
#[derive(Debug)]
struct Line<'a> {
    queue: &'a Queue,
    net: ClientNet,
    each: Option<Arc<Semaphore>>,
}

impl Queue {
    /// Waits for a turn.
    pub(super) async fn turn(&self, net: ClientNet) -> Turn<'_> {
        let each = {
            let mut lines = self.per_client.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lines.entry(net).or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        let line = Line { queue: self, net, each: Some(Arc::clone(&each)) };
        // The semaphores are never closed, so neither wait fails.
        let one = each.acquire_owned().await.ok();
        Turn { _all: self.all.acquire().await.ok(), _one: one, _line: line }
    }
}

impl Turn<'_> {
    /// Ends the turn after all other ready tasks have run.
    pub(super) async fn end(self) {
        // The runtime polls the other ready tasks before this one.
        tokio::task::yield_now().await;
        drop(self);
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut lines = self.queue.per_client.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.each.take());
        // The last one of an address removes its line.
        if lines.get(&self.net).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.net);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> ClientNet {
        ClientNet::Ip(std::net::Ipv4Addr::from_bits(number).into())
    }

    #[tokio::test]
    async fn handshakes_take_turns_by_address() {
        let queue = Arc::new(Queue::default());
        let (order, mut order_seen) = tokio::sync::mpsc::unbounded_channel();
        let first = queue.turn(client(0)).await;
        let waiting: Vec<_> = [1, 1, 1, 1, 2, 3]
            .into_iter()
            .map(|number| {
                let (queue, order) = (Arc::clone(&queue), order.clone());
                tokio::spawn(async move {
                    let turn = queue.turn(client(number)).await;
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
        while let Ok(number) = order_seen.try_recv() {
            seen.push(number);
        }
        assert_eq!(seen, [1, 2, 3, 1, 1, 1]);
        assert!(queue.per_client.lock().unwrap().is_empty(), "no line is left");
    }

    #[tokio::test]
    async fn other_work_runs_between_handshakes() {
        let queue = Arc::new(Queue::default());
        let served = Arc::new(tokio::sync::Notify::new());
        let first = queue.turn(client(1)).await;
        let second = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { drop(queue.turn(client(2)).await) }
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
        let first = queue.turn(client(1)).await;
        for number in [1, 1, 2] {
            let turn = std::pin::pin!(queue.turn(client(number)));
            assert!(futures_util::FutureExt::now_or_never(turn).is_none());
        }
        drop(first);
        assert!(queue.per_client.lock().unwrap().is_empty());
        drop(queue.turn(client(2)).await);
    }
}
