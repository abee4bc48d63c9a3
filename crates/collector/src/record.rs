//! Recorder of a capture: every call that the collector makes, with its arguments, code and outputs.
//!
//! All calls pass through it, so a new one is captured without further code.

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

/// Records the outcome of calls, and writes it as frames.
pub(crate) struct Recorder {
    to: Arc<Mutex<File>>,
    begun: Instant,
    /// Device of each handle, by its address.
    handles: Arc<Mutex<HashMap<usize, About>>>,
    /// GPU of this thread's reader.
    gpu: Option<u32>,
    /// MIG instances of the GPU.
    instances: RefCell<Instances>,
    /// Newest record, which may still be amended.
    newest: RefCell<Option<Record>>,
}

/// Places of a GPU's MIG instances, by the inputs of calls about GPU instances. The first instance represents its GPU
/// instance.
#[derive(Debug, Default)]
struct Instances {
    /// By GPU instance id.
    places: HashMap<u64, About>,
    /// By address of the GPM sample.
    samples: HashMap<usize, About>,
}

impl Instances {
    /// Learns from a successful call. Returns the instance that a call about a GPU concerns.
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

/// Content of a call's arguments.
#[derive(Debug, Default)]
pub(crate) struct Note {
    pub(crate) handle: Option<usize>,
    pub(crate) with: Vec<u64>,
    /// Buffer of a text whose size is the next argument.
    pub(crate) text: Option<*const u8>,
    pub(crate) told: Vec<Item>,
    pub(crate) given: Option<usize>,
    /// Length of the array that the next argument points to.
    pub(crate) length: usize,
    pub(crate) fields: Option<Vec<Field>>,
    pub(crate) metrics: Option<Vec<Metric>>,
    /// Address of a GPM sample.
    pub(crate) sample: Option<usize>,
}

/// Arguments of a call.
pub(crate) trait Arguments: Copy {
    /// Records the inputs.
    fn ask(&self, note: &mut Note);

    /// Records the outputs.
    ///
    /// # Safety
    /// The call has succeeded, and its pointers are still valid.
    unsafe fn tell(&self, note: &mut Note);
}

impl Recorder {
    /// Creates a recorder that writes to a file.
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

    /// Creates a recorder for another thread, which may be a GPU's reader.
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

    /// Records a function that was not called because it or the library is missing.
    pub(crate) fn keep(&self, function: &str, outcome: Outcome) {
        let (about, with, at_us) = (About::Driver, Vec::new(), self.elapsed_us());
        self.put(Record { function: function.into(), about, with, outcome, at_us, took_us: 0 });
    }

    /// Records a call that has just returned.
    pub(crate) fn keep_call(&self, function: &str, arguments: &impl Arguments, code: u32, took: Duration) {
        let mut note = Note::default();
        arguments.ask(&mut note);
        if code == 0 {
            // SAFETY: the call has just succeeded, and the caller still owns the memory.
            unsafe { arguments.tell(&mut note) };
        }
        let mut about = self.about(function, &mut note);
        if let Some(instance) = self.instances.borrow_mut().follow(function, about, &note, code) {
            about = instance;
            note.with.clear();
        }
        let outcome = match (code, note.given, note.fields, note.metrics) {
            (0, Some(handle), ..) => Outcome::Handle { null: handle == 0 },
            (0, None, Some(fields), _) => Outcome::Fields(fields),
            (0, None, None, Some(metrics)) => Outcome::Metrics(metrics),
            (0, ..) => Outcome::Told(note.told),
            (code, ..) => Outcome::Code(code),
        };
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at_us = self.elapsed_us().saturating_sub(took_us);
        self.put(Record { function: function.into(), about, with: note.with, outcome, at_us, took_us });
    }

    /// Returns the device of a call, and remembers a handle that it returned.
    fn about(&self, function: &str, note: &mut Note) -> About {
        let mut handles = lock(&self.handles);
        let own = note.handle.and_then(|handle| handles.get(&handle).copied());
        let number = |note: &Note| note.with.first().and_then(|first| u32::try_from(*first).ok());
        let (about, gives) = match (own, function.contains("ByIndex")) {
            // The call returns a GPU's handle: its device is the index.
            (None, true) => {
                let gpu = About::Gpu(number(note).unwrap_or(u32::MAX));
                note.with.clear();
                (gpu, Some(gpu))
            }
            (Some(About::Gpu(gpu)), true) => {
                (About::Gpu(gpu), number(note).map(|place| About::Instance { gpu, place }))
            }
            (Some(about), _) => (about, None),
            // The arguments contain samples but no handle. Each reader has samples of its own GPU only.
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

    /// Adds the list that the last call wrote to its record.
    pub(crate) fn amend(&self, list: List) {
        if let Some(record) = self.newest.borrow_mut().as_mut() {
            record.outcome = Outcome::Listed(list);
        }
    }

    /// Writes the newest record. Called before the next call, so that nothing is lost if that crashes the process.
    pub(crate) fn flush(&self) {
        if let Some(record) = self.newest.take() {
            // A failure means that the parent is gone, and this process ends soon.
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
