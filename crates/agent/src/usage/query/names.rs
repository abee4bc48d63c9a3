//! Numbers of a store with what they stand for, for a query: those of texts that are not stored yet are made up.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, Statement};
use telemetry::usage::{Holder, Occupant};

use super::Fresh;
use crate::usage::schema::{NAMELESS, NOWHERE, user_and_place};

/// A stored GPU.
#[derive(Clone, Debug)]
pub(super) struct Gpu {
    pub(super) key: Arc<str>,
    pub(super) model: Option<Arc<str>>,
    pub(super) index: u32,
}

/// GPU of a device, UUID and name of its MIG instance.
pub(super) type Stored = (i64, Option<Arc<str>>, Option<Arc<str>>);

/// First number for what is not stored.
const MADE_UP: i64 = 1 << 48;

/// Container, pod and job.
pub(super) type Place = [Option<Arc<str>>; 3];

pub(super) struct Names<'c> {
    find_user: Statement<'c>,
    find_user_id: Statement<'c>,
    find_place: Statement<'c>,
    gpus: HashMap<i64, Gpu>,
    devices: HashMap<i64, Stored>,
    new_gpus: HashMap<(Arc<str>, Option<Arc<str>>), i64>,
    new_devices: HashMap<(i64, Option<Arc<str>>), i64>,
    users: HashMap<i64, Option<Arc<str>>>,
    user_ids: HashMap<Arc<str>, i64>,
    places: HashMap<i64, Place>,
    place_ids: HashMap<Arc<Holder>, i64>,
    next: i64,
}

impl<'c> Names<'c> {
    /// GPUs and devices are few, and read at once.
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let mut gpus = HashMap::new();
        let mut statement = connection.prepare("SELECT id, key, model, gpu_index FROM gpu ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            gpus.insert(row.get(0)?, Gpu { key: row.get(1)?, model: row.get(2)?, index: row.get(3)? });
        }
        let mut devices = HashMap::new();
        let mut statement = connection.prepare("SELECT id, gpu, mig, mig_name FROM device")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            devices.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
        }
        Ok(Self {
            find_user: connection.prepare("SELECT name FROM user WHERE id = ?1")?,
            find_user_id: connection.prepare("SELECT id FROM user WHERE name = ?1")?,
            find_place: connection.prepare("SELECT container, pod, job FROM place WHERE id = ?1")?,
            gpus,
            devices,
            new_gpus: HashMap::new(),
            new_devices: HashMap::new(),
            users: HashMap::new(),
            user_ids: HashMap::new(),
            places: HashMap::new(),
            place_ids: HashMap::new(),
            next: MADE_UP,
        })
    }

    pub(super) fn gpu(&self, id: i64) -> Option<&Gpu> {
        self.gpus.get(&id)
    }

    /// The first of these GPUs that was never counted.
    pub(super) fn unknown_gpu<'k>(&self, keys: &'k [String], fresh: &Fresh) -> Option<&'k String> {
        let stored = |key: &str| self.gpus.values().any(|gpu| key == &*gpu.key);
        let new = |key: &str| fresh.flushes.iter().flat_map(|flush| &flush.gpus).any(|frontier| key == &*frontier.gpu);
        let slots = |key: &str| fresh.flushes.iter().flat_map(|flush| &flush.slots).any(|slot| key == &*slot.gpu);
        keys.iter().find(|key| !stored(key) && !new(key) && !slots(key))
    }

    /// Numbers of the GPUs with these keys; none if all are wanted.
    pub(super) fn gpus_of(&self, keys: Option<&[String]>) -> Option<std::collections::HashSet<i64>> {
        let keys = keys?;
        let wanted = self.gpus.iter().filter(|(_, gpu)| keys.iter().any(|key| **key == *gpu.key));
        Some(wanted.map(|(id, _)| *id).collect())
    }

    /// GPU and MIG instance of a device.
    pub(super) fn device(&self, id: i64) -> Option<&Stored> {
        self.devices.get(&id)
    }

    fn made_up(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// Number of a GPU in memory: the newest stored one with this key that may be of this model.
    pub(super) fn gpu_id(&mut self, key: &Arc<str>, model: Option<&Arc<str>>, index: u32) -> i64 {
        let known = (Arc::clone(key), model.cloned());
        if let Some(id) = self.new_gpus.get(&known) {
            return *id;
        }
        let fits =
            |gpu: &Gpu| gpu.key == *key && (model.is_none() || gpu.model.is_none() || gpu.model.as_ref() == model);
        let best = self.gpus.iter().filter(|(_, gpu)| fits(gpu));
        let best = best.max_by_key(|(id, gpu)| (gpu.model.as_ref() == model, **id)).map(|(id, _)| *id);
        let id = best.unwrap_or_else(|| self.made_up());
        let entry = self.gpus.entry(id).or_insert_with(|| Gpu { key: Arc::clone(key), model: None, index });
        entry.index = index;
        if model.is_some() {
            entry.model = model.cloned();
        }
        self.new_gpus.insert(known, id);
        id
    }

    /// Number of a device in memory.
    pub(super) fn device_id(&mut self, gpu: i64, mig: Option<&Arc<str>>) -> i64 {
        let known = (gpu, mig.cloned());
        if let Some(id) = self.new_devices.get(&known) {
            return *id;
        }
        let stored = self.devices.iter().find(|(_, (of, name, _))| *of == gpu && name.as_ref() == mig);
        let id = stored.map(|(id, _)| *id).unwrap_or_else(|| self.made_up());
        self.devices.entry(id).or_insert_with(|| (gpu, mig.cloned(), None));
        self.new_devices.insert(known, id);
        id
    }

    /// Name of a user.
    pub(super) fn user(&mut self, id: i64) -> rusqlite::Result<Option<Arc<str>>> {
        if id <= NAMELESS {
            return Ok(None);
        }
        if let Some(name) = self.users.get(&id) {
            return Ok(name.clone());
        }
        let name: Option<Arc<str>> = self.find_user.query_row([id], |row| row.get(0)).optional()?;
        self.users.insert(id, name.clone());
        Ok(name)
    }

    /// Number of a user in memory.
    pub(super) fn user_id(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.user_ids.get(name) {
            return Ok(*id);
        }
        let id = match self.find_user_id.query_row([&**name], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => self.made_up(),
        };
        self.user_ids.insert(Arc::clone(name), id);
        self.users.insert(id, Some(Arc::clone(name)));
        Ok(id)
    }

    /// Container, pod and job of a place.
    pub(super) fn place(&mut self, id: i64) -> rusqlite::Result<Place> {
        if id == NOWHERE {
            return Ok(Place::default());
        }
        if let Some(place) = self.places.get(&id) {
            return Ok(place.clone());
        }
        let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
        let place: Place = self.find_place.query_row([id], row).optional()?.unwrap_or_default();
        self.places.insert(id, place.clone());
        Ok(place)
    }

    /// User and place of an occupant in memory. A place that is not stored and one that is are different numbers of the
    /// same texts, which are compared in the end.
    pub(super) fn occupant(&mut self, occupant: &Occupant) -> rusqlite::Result<(i64, i64)> {
        user_and_place(occupant, |holder| self.holder(holder))
    }

    pub(super) fn holder(&mut self, holder: &Arc<Holder>) -> rusqlite::Result<(i64, i64)> {
        let user = holder.user.as_ref().map_or(Ok(NAMELESS), |user| self.user_id(user))?;
        let place: Place = [holder.container.clone(), holder.pod.clone(), holder.job.clone()];
        if place == Place::default() {
            return Ok((user, NOWHERE));
        }
        if let Some(id) = self.place_ids.get(holder) {
            return Ok((user, *id));
        }
        let id = self.made_up();
        self.places.insert(id, place);
        self.place_ids.insert(Arc::clone(holder), id);
        Ok((user, id))
    }
}
