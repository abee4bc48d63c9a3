//! Threads of queries: two at once, which end when there is nothing to do, and a short queue.

use std::{
    collections::VecDeque,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use server::{Pending, UsageError};
use tokio::{sync::oneshot, time::timeout};

use super::{QUERY_TIMEOUT, lock};

/// Most queries at once.
const MOST: usize = 2;
/// Most queries that wait.
const WAITING: usize = 16;
/// Timeout of an answer. A thread that waits for a disk cannot be interrupted; one that computes has answered before.
const ANSWER_TIMEOUT: Duration = QUERY_TIMEOUT.saturating_add(Duration::from_secs(1));

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(super) struct Queue(Mutex<Jobs>);

#[derive(Default)]
struct Jobs {
    running: usize,
    waiting: VecDeque<Job>,
}

/// Mark for a query whose client does not wait any more.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Queue {
    /// Runs a query, which is given a mark that is set when its answer is dropped.
    pub(super) fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(Arc<AtomicBool>) -> Result<T, UsageError> + Send + 'static,
    ) -> Pending<T> {
        let (answer, answered) = oneshot::channel();
        let given_up = GiveUp(Arc::default());
        let mark = Arc::clone(&given_up.0);
        let job: Job = Box::new(move || {
            // Fails if nobody waits any more.
            let _ = answer.send(query(mark));
        });
        let is_accepted = self.submit(job);
        Box::pin(async move {
            let _given_up = given_up;
            if !is_accepted {
                return Err(UsageError::Timeout);
            }
            match timeout(ANSWER_TIMEOUT, answered).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(UsageError::Unavailable("the query failed".into())),
                Err(_) => Err(UsageError::Timeout),
            }
        })
    }

    /// Starts or queues a job; `false` if too many wait.
    fn submit(self: &Arc<Self>, job: Job) -> bool {
        let mut jobs = lock(&self.0);
        if jobs.waiting.len() >= WAITING {
            return false;
        }
        jobs.waiting.push_back(job);
        if jobs.running >= MOST {
            return true;
        }
        let queue = Arc::clone(self);
        let thread = thread::Builder::new().name("usage query".into()).spawn(move || queue.work());
        match thread {
            Ok(_) => {
                jobs.running += 1;
                true
            }
            Err(error) if jobs.running == 0 => {
                tracing::error!(%error, "cannot start a thread for a query");
                jobs.waiting.clear();
                false
            }
            Err(_) => true,
        }
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // Its panic is logged, and its client gets an error because the channel closes.
            let _ = panic::catch_unwind(AssertUnwindSafe(job));
        }
        // glibc keeps what a query has used for the next one, which may come tomorrow.
        collector::trim_heap();
    }

    /// Next job, or none: then the thread is not counted any more, at the same moment, so that no job waits for it.
    fn next(&self) -> Option<Job> {
        let mut jobs = lock(&self.0);
        let job = jobs.waiting.pop_front();
        if job.is_none() {
            jobs.running -= 1;
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn query_on_hung_disk_times_out() {
        let queue = Arc::<Queue>::default();
        let (hang, hung) = mpsc::channel::<()>();
        let hung = Arc::new(Mutex::new(hung));
        let ask = || {
            let hung = Arc::clone(&hung);
            // Ends with the test, when the sender is dropped.
            queue.ask(move |_| {
                let _ = lock(&hung).recv();
                Ok(())
            })
        };
        let clock = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        // More than can run at once: the last only waits.
        let asked: Vec<_> = (0..=MOST).map(|_| ask()).collect();
        for answer in asked {
            assert_eq!(clock().block_on(answer), Err(UsageError::Timeout));
        }
        drop(hang);
        let answer = queue.ask(|_| Ok("again"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert_eq!(runtime.block_on(answer), Ok("again"));
    }
}
