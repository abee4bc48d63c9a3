//! Names under which the records of GPUs are kept: UUIDs, where the driver gives each GPU one that is its own and
//! stays.
//!
//! Elsewhere two GPUs would share one record, or one GPU would have a new one with each reading. There the PCI bus id
//! is the name, and without one the index.

use std::collections::{BTreeMap, BTreeSet};

use crate::{derive::known_gpus::KnownGpu, sample::GpuSample};

/// Most places that are remembered.
const MAX_PLACES: usize = 256;
/// Changes of the UUID at one place after which it is no longer believed. One is a GPU that was replaced.
const MAX_CHANGES: u32 = 2;

const BUS: &str = "bus ";
const INDEX: &str = "index ";

/// True for a name that another run of the agent may use: an index is another GPU's after a reboot.
#[must_use]
pub fn is_lasting(key: &str) -> bool {
    !key.starts_with(INDEX)
}

/// True for a UUID, not a place.
pub(super) fn is_uuid(key: &str) -> bool {
    !key.starts_with(INDEX) && !key.starts_with(BUS)
}

/// Names of the GPUs by their places.
#[derive(Debug, Default)]
pub(super) struct Keys {
    places: BTreeMap<String, Place>,
    /// Place at which each UUID was last.
    last: BTreeMap<String, String>,
    notes: Vec<String>,
    /// Names that turned out to be other names of a GPU, with the right one.
    renamed: Vec<(String, String)>,
}

/// A PCI bus id or an index.
#[derive(Debug)]
struct Place {
    key: String,
    /// The first name of what is there.
    first: String,
    changes: u32,
    /// The name stays, whatever UUID is read.
    pinned: Option<Reason>,
}

/// Reason for which a UUID is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Unreadable,
    Shared,
    Blank,
    Changing,
}

impl Reason {
    const fn text(self) -> &'static str {
        match self {
            Self::Unreadable => "its UUID cannot be read",
            Self::Shared => "another GPU has the same UUID",
            Self::Blank => "its UUID is blank",
            Self::Changing => "its UUID changes",
        }
    }
}

impl Keys {
    /// Names the GPUs of a sample; each name is given once.
    pub(super) fn assign(&mut self, gpus: &[GpuSample], known: &[KnownGpu]) -> Vec<String> {
        self.notes.clear();
        let places: Vec<Option<String>> = gpus.iter().map(|gpu| place(gpu, gpus)).collect();
        let mut keys: Vec<Option<String>> = gpus
            .iter()
            .zip(&places)
            .map(|(gpu, place)| place.as_ref().map(|place| self.key_at(place, gpu, (gpus, &places), known)))
            .collect();
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for key in &mut keys {
            key.take_if(|key| !taken.insert(key.clone()));
        }
        let mut all = Vec::with_capacity(gpus.len());
        for (gpu, key) in gpus.iter().zip(keys) {
            // Nothing says which GPU it is: the one that was last seen under this index, if it is nowhere else.
            let missing = || known.iter().find(|known| known.index == gpu.index && !taken.contains(&known.key));
            let nameless = format!("{INDEX}{}", gpu.index);
            let key = key.or_else(|| missing().map(|known| known.key.clone())).unwrap_or_else(|| nameless.clone());
            // It had no name before it could be identified.
            let is_known = |name: &str| known.iter().any(|known| known.key == name);
            if key != nameless && is_known(&nameless) && !is_known(&key) {
                self.renamed.push((nameless, key.clone()));
            }
            taken.insert(key.clone());
            self.note(gpu, &key);
            all.push(key);
        }
        if self.places.len().max(self.last.len()) > MAX_PLACES {
            let is_present = |place: &String| places.iter().flatten().any(|present| present == place);
            self.places.retain(|place, _| is_present(place));
            self.last.retain(|_, place| is_present(place));
        }
        all
    }

    /// Notes on the GPUs whose UUID is not used.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Names that turned out to be other names of a GPU, with the right one, each once.
    pub(super) fn take_renamed(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.renamed)
    }

    fn note(&mut self, gpu: &GpuSample, key: &str) {
        if gpu.handle.is_err() || gpu.read_at.is_none() || gpu.identity.uuid.as_deref() == Ok(key) {
            return;
        }
        let pinned = self.places.values().find(|place| place.key == key).and_then(|place| place.pinned);
        let why = pinned.unwrap_or(Reason::Unreadable).text();
        let name = match (key.strip_prefix(BUS), key.starts_with(INDEX)) {
            (Some(bus), _) => format!("its PCI bus id, {bus}"),
            (None, true) => "its index, which may be another GPU's after a reboot".into(),
            (None, false) => format!("the first one, {key}"),
        };
        self.notes.push(format!("GPU {}: {why}; what is known of it is kept by {name}", gpu.index));
    }

    fn key_at(
        &mut self,
        place: &str,
        gpu: &GpuSample,
        (all, places): (&[GpuSample], &[Option<String>]),
        known: &[KnownGpu],
    ) -> String {
        let uuid = usable(gpu, all, self.places.get(place).map(|place| place.key.as_str()));
        // At an index another GPU is nothing odd, at a bus it is.
        let is_known = |uuid: &str| place.starts_with(INDEX) && known.iter().any(|known| known.key == uuid);
        let owner = uuid.ok().and_then(|uuid| self.last.get(uuid).filter(|last| *last != place));
        let moved = owner.is_some() || uuid.is_ok_and(is_known);
        // The GPU that had it before is here and says nothing: it may well have it still.
        let is_held = |owner: &String| {
            let at = all.iter().zip(places).find(|(_, place)| place.as_ref() == Some(owner));
            at.is_some_and(|(gpu, _)| gpu.identity.uuid.is_err())
        };
        let uuid = if owner.is_some_and(is_held) { Err(Reason::Shared) } else { uuid };
        if let Ok(uuid) = uuid {
            self.last.insert(uuid.into(), place.into());
        }
        let Some(here) = self.places.get_mut(place) else {
            let (key, pinned) = match uuid {
                Ok(uuid) => (uuid.to_owned(), None),
                Err(why) => (place.to_owned(), Some(why)),
            };
            self.places.insert(place.into(), Place { key: key.clone(), first: key.clone(), changes: 0, pinned });
            return key;
        };
        match uuid {
            Ok(uuid) if uuid == here.key => {}
            // It can be read at last.
            Ok(uuid) if here.pinned == Some(Reason::Unreadable) => {
                self.renamed.push((here.key.clone(), uuid.into()));
                (here.key, here.first, here.pinned) = (uuid.into(), uuid.into(), None);
            }
            Ok(uuid) if here.pinned.is_none() && moved => here.key = uuid.into(),
            Ok(uuid) if here.pinned.is_none() => {
                here.changes += 1;
                if here.changes < MAX_CHANGES {
                    here.key = uuid.into();
                } else {
                    let other = std::mem::replace(&mut here.key, here.first.clone());
                    here.pinned = Some(Reason::Changing);
                    self.renamed.push((other, here.first.clone()));
                }
            }
            _ => {}
        }
        here.key.clone()
    }
}

/// Place of a GPU: its bus, if that is its own, else its index, if anything says which GPU it is.
fn place(gpu: &GpuSample, all: &[GpuSample]) -> Option<String> {
    gpu.handle.ok()?;
    let bus = gpu.identity.pci_bus_id.as_ref().ok().filter(|bus| {
        !bus.is_empty() && all.iter().filter(|other| other.identity.pci_bus_id.as_ref() == Ok(bus)).count() == 1
    });
    match bus {
        Some(bus) => Some(format!("{BUS}{bus}")),
        None => gpu.identity.uuid.is_ok().then(|| format!("{INDEX}{}", gpu.index)),
    }
}

/// The UUID, if it can be a GPU's own. Of several GPUs with one, that keeps it which had it alone before.
fn usable<'a>(gpu: &'a GpuSample, all: &[GpuSample], key: Option<&str>) -> Result<&'a str, Reason> {
    let uuid = gpu.identity.uuid.as_deref().map_err(|_| Reason::Unreadable)?;
    if is_blank(uuid) {
        return Err(Reason::Blank);
    }
    let has = all.iter().filter(|other| other.identity.uuid.as_deref() == Ok(uuid)).count();
    if has > 1 && key != Some(uuid) { Err(Reason::Shared) } else { Ok(uuid) }
}

/// One digit all over, as where nobody has set it.
pub(crate) fn is_blank(uuid: &str) -> bool {
    let mut digits = uuid.trim_start_matches("GPU-").bytes().filter(|digit| *digit != b'-');
    let Some(first) = digits.next() else { return true };
    matches!(first, b'0' | b'f' | b'F') && uuid.len() > 8 && digits.all(|digit| digit == first)
}

#[cfg(test)]
mod tests;
