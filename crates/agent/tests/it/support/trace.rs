//! Stops a process from outside, as a debugger does, in place of a kernel that does not let it continue or end.

use std::{fs, sync::mpsc, thread};

use nix::sys::{
    ptrace,
    wait::{WaitPidFlag, waitpid},
};

use crate::support::{eventually, nix_pid};

/// A hold on one thread of another process, until this is dropped.
pub(crate) struct Trace {
    let_go: Option<mpsc::Sender<()>>,
    tracer: Option<thread::JoinHandle<()>>,
}

impl Trace {
    /// Stops that one thread; its neighbours go on.
    pub(crate) fn stop(thread: u32) -> Self {
        Self::start(move || {
            let thread = nix_pid(thread);
            ptrace::seize(thread, ptrace::Options::empty()).expect("the tests may trace what they started");
            ptrace::interrupt(thread).expect("it is traced");
            waitpid(thread, Some(WaitPidFlag::__WALL)).expect("it stops");
        })
    }

    /// Lets the process run on, but once it ends, keeps its parent from seeing that: as a call that the kernel does
    /// not interrupt keeps a process from ending that was killed.
    pub(crate) fn keep(process: u32) -> Self {
        Self::start(move || {
            ptrace::seize(nix_pid(process), ptrace::Options::empty()).expect("the tests may trace what they started");
        })
    }

    /// Only the thread that took hold can let go, and does when it ends.
    fn start(take_hold: impl FnOnce() + Send + 'static) -> Self {
        let (taken, wait) = mpsc::channel();
        let (let_go, asked) = mpsc::channel();
        let tracer = thread::spawn(move || {
            take_hold();
            taken.send(()).expect("somebody waits for it");
            let _ = asked.recv();
        });
        wait.recv().expect("the hold is taken");
        Self { let_go: Some(let_go), tracer: Some(tracer) }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        drop(self.let_go.take());
        let _ = self.tracer.take().map(thread::JoinHandle::join);
    }
}

/// A process's thread of that name.
pub(crate) fn thread_named(process: u32, name: &str) -> u32 {
    eventually("the thread", || {
        let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten();
        let mut named = threads.filter(|thread| {
            fs::read_to_string(thread.path().join("comm")).is_ok_and(|found| found.trim_end() == name)
        });
        named.next()?.file_name().to_str()?.parse().ok()
    })
}
