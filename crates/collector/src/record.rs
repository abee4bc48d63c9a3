//! A capture's recorder: every call that the collector makes, with its arguments, its code and what was written.
//!
//! It sits in the one place through which each call goes, so that whatever the collector learns to ask is captured
//! without being told so.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs::File,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use telemetry::{
    capture::{About, Field, Item, List, Metric, Outcome, Record},
    frame::{self, Message},
};

use crate::lock::lock;

/// Keeps what calls come to, and writes it as frames.
pub(crate) struct Recorder {
    to: Arc<Mutex<File>>,
    begun: Instant,
    /// What each handle that was given out stands for, by its address.
    handles: Arc<Mutex<HashMap<usize, About>>>,
    /// The GPU whose reader this is.
    gpu: Option<u32>,
    /// Where the GPU's instances are.
    instances: RefCell<Instances>,
    /// The newest record, which may still be amended.
    newest: RefCell<Option<Record>>,
}

/// The places of a GPU's MIG instances, by what calls about GPU instances are made with. Where several are in one GPU
/// instance, the first stands for it.
#[derive(Debug, Default)]
struct Instances {
    /// By the GPU instance's id.
    places: HashMap<u64, About>,
    /// By the address of the sample that was taken of it.
    samples: HashMap<usize, About>,
}

impl Instances {
    /// Learns from a call that went well, and says which instance a call about a GPU is really about.
    fn follow(&mut self, function: &str, about: About, note: &Note, code: u32) -> Option<About> {
        match (function, note.sample) {
            ("nvmlDeviceGetGpuInstanceId", _) => {
                if let (0, [Item::Word(id)]) = (code, note.told.as_slice()) {
                    self.places.entry(*id).or_insert(about);
                }
                None
            }
            ("nvmlGpmMigSampleGet", Some(sample)) => {
                let instance = self.places.get(note.with.first()?).copied()?;
                self.samples.insert(sample, instance);
                Some(instance)
            }
            ("nvmlGpmSampleGet" | "nvmlGpmSampleFree", Some(sample)) => {
                self.samples.remove(&sample);
                None
            }
            ("nvmlGpmMetricsGet", Some(sample)) => self.samples.get(&sample).copied(),
            _ => None,
        }
    }
}

/// What one call's arguments say of it.
#[derive(Debug, Default)]
pub(crate) struct Note {
    pub(crate) handle: Option<usize>,
    pub(crate) with: Vec<u64>,
    /// Where a text stands whose room is the next argument.
    pub(crate) text: Option<*const u8>,
    pub(crate) told: Vec<Item>,
    pub(crate) given: Option<usize>,
    pub(crate) field: Option<Field>,
    pub(crate) metrics: Option<Vec<Metric>>,
    /// The address of a GPM sample.
    pub(crate) sample: Option<usize>,
}

/// The arguments of a call.
pub(crate) trait Arguments: Copy {
    /// Notes what they ask for.
    fn ask(&self, note: &mut Note);

    /// Notes what the call wrote.
    ///
    /// # Safety
    /// The call has succeeded, and its pointers still lead to what it was given.
    unsafe fn tell(&self, note: &mut Note);
}

impl Recorder {
    /// A recorder that writes to that file.
    pub(crate) fn new(to: File) -> Self {
        Self {
            to: Arc::new(Mutex::new(to)),
            begun: Instant::now(),
            handles: Arc::default(),
            gpu: None,
            instances: RefCell::default(),
            newest: RefCell::default(),
        }
    }

    /// One for another thread: for the reader of a GPU, if it is one.
    pub(crate) fn another(&self, gpu: Option<u32>) -> Self {
        Self {
            to: Arc::clone(&self.to),
            begun: self.begun,
            handles: Arc::clone(&self.handles),
            gpu,
            instances: RefCell::default(),
            newest: RefCell::default(),
        }
    }

    /// Keeps what came of a function that was not called: it is missing, or the library is.
    pub(crate) fn keep(&self, function: &str, outcome: Outcome) {
        let (about, with, at_us) = (About::Driver, Vec::new(), self.elapsed_us());
        self.put(Record { function: function.into(), about, with, outcome, at_us, took_us: 0 });
    }

    /// Keeps a call that has just returned.
    pub(crate) fn keep_call(&self, function: &str, arguments: &impl Arguments, code: u32, took: Duration) {
        let mut note = Note::default();
        arguments.ask(&mut note);
        if code == 0 {
            // SAFETY: the call has just succeeded, and the caller still holds what the pointers lead to.
            unsafe { arguments.tell(&mut note) };
        }
        let mut about = self.about(function, &mut note);
        if let Some(instance) = self.instances.borrow_mut().follow(function, about, &note, code) {
            about = instance;
            note.with.clear();
        }
        let outcome = match (code, note.given, note.field, note.metrics) {
            (0, Some(handle), ..) => Outcome::Handle { null: handle == 0 },
            (0, None, Some(field), _) => Outcome::Field(field),
            (0, None, None, Some(metrics)) => Outcome::Metrics(metrics),
            (0, ..) => Outcome::Told(note.told),
            // One field at a time is asked for, so its failure is the call's.
            (code, ..) => Outcome::Code(code),
        };
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at_us = self.elapsed_us().saturating_sub(took_us);
        self.put(Record { function: function.into(), about, with: note.with, outcome, at_us, took_us });
    }

    /// What a call is about; a handle that it gave is known from now on.
    fn about(&self, function: &str, note: &mut Note) -> About {
        let mut handles = lock(&self.handles);
        let own = note.handle.and_then(|handle| handles.get(&handle).copied());
        let number = |note: &Note| note.with.first().and_then(|first| u32::try_from(*first).ok());
        let (about, gives) = match (own, function.contains("ByIndex")) {
            // From an index to a GPU: the index is what it is about.
            (None, true) => {
                let gpu = About::Gpu(number(note).unwrap_or(u32::MAX));
                note.with.clear();
                (gpu, Some(gpu))
            }
            (Some(About::Gpu(gpu)), true) => {
                (About::Gpu(gpu), number(note).map(|place| About::Instance { gpu, place }))
            }
            (Some(about), _) => (about, None),
            // Samples have no handle among the arguments, but each reader has its own.
            (None, false) if note.metrics.is_some() || function == "nvmlGpmMetricsGet" => {
                (self.gpu.map_or(About::Driver, About::Gpu), None)
            }
            (None, false) => (About::Driver, None),
        };
        if let (Some(handle), Some(gives)) = (note.given.filter(|handle| *handle != 0), gives) {
            handles.insert(handle, gives);
        }
        about
    }

    /// Puts a list into the newest record, whose call wrote it.
    pub(crate) fn amend(&self, list: List) {
        if let Some(record) = self.newest.borrow_mut().as_mut() {
            record.outcome = Outcome::Listed(list);
        }
    }

    /// Writes the newest record, which is not amended any more. At once and here, so that nothing is lost if the next
    /// call brings the process down.
    pub(crate) fn flush(&self) {
        if let Some(record) = self.newest.take() {
            // Where it cannot be written the parent is gone, and so shall we be.
            let _ = frame::write(&mut *lock(&self.to), &Message::Record(Box::new(record)));
        }
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn put(&self, record: Record) {
        self.flush();
        self.newest.replace(Some(record));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.flush();
    }
}
