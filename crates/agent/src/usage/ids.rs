//! Numbers that stand for texts in rows: GPUs, devices, users, places.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, Statement};
use telemetry::usage::{Device, Holder, Occupant, SessionKey};

use super::schema::{NAMELESS, NOWHERE, user_and_place};

/// Finds numbers, and gives new ones. It lives as long as a transaction.
pub(super) struct Ids<'c> {
    connection: &'c Connection,
    gpus: HashMap<(Arc<str>, Option<Arc<str>>), i64>,
    devices: HashMap<(i64, Option<Arc<str>>), i64>,
    users: HashMap<Arc<str>, i64>,
    places: HashMap<Arc<Holder>, i64>,
    find_user: Statement<'c>,
    find_place: Statement<'c>,
}

impl<'c> Ids<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            gpus: HashMap::new(),
            devices: HashMap::new(),
            users: HashMap::new(),
            places: HashMap::new(),
            find_user: connection.prepare("SELECT id FROM user WHERE name = ?1")?,
            find_place: connection.prepare("SELECT id FROM place WHERE job IS ?1 AND pod IS ?2 AND container IS ?3")?,
        })
    }

    /// A GPU of a model. One whose model was not known gets it; another model in its place is another GPU.
    pub(super) fn gpu(&mut self, key: &Arc<str>, model: Option<&Arc<str>>, index: u32) -> rusqlite::Result<i64> {
        let known = (Arc::clone(key), model.cloned());
        if let Some(id) = self.gpus.get(&known) {
            return Ok(*id);
        }
        let find = "SELECT id FROM gpu WHERE key = ?1 AND (?2 IS NULL OR model = ?2 OR model IS NULL) \
                    ORDER BY model IS ?2 DESC, id DESC LIMIT 1";
        let model = model.map(|model| &**model);
        let found = self.connection.query_row(find, (&**key, model), |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => {
                let renew = "UPDATE gpu SET model = coalesce(?2, model), gpu_index = ?3 \
                             WHERE id = ?1 AND (gpu_index <> ?3 OR model IS NOT coalesce(?2, model))";
                self.connection.execute(renew, (id, model, index))?;
                id
            }
            None => {
                let add = "INSERT INTO gpu(key, model, gpu_index) VALUES(?1, ?2, ?3)";
                self.connection.execute(add, (&**key, model, index))?;
                self.connection.last_insert_rowid()
            }
        };
        self.gpus.insert(known, id);
        Ok(id)
    }

    /// The GPU itself, or a MIG instance of it.
    pub(super) fn device(&mut self, gpu: i64, mig: Option<&Arc<str>>, name: Option<&str>) -> rusqlite::Result<i64> {
        let known = (gpu, mig.cloned());
        let found = match self.devices.get(&known) {
            Some(id) => Some(*id),
            None => {
                let find = "SELECT id FROM device WHERE gpu = ?1 AND mig IS ?2";
                self.connection.query_row(find, (gpu, mig.map(|mig| &**mig)), |row| row.get(0)).optional()?
            }
        };
        let id = match found {
            Some(id) => {
                if name.is_some() {
                    let rename = "UPDATE device SET mig_name = ?2 WHERE id = ?1 AND mig_name IS NOT ?2";
                    self.connection.execute(rename, (id, name))?;
                }
                id
            }
            None => {
                let add = "INSERT INTO device(gpu, mig, mig_name) VALUES(?1, ?2, ?3)";
                self.connection.execute(add, (gpu, mig.map(|mig| &**mig), name))?;
                self.connection.last_insert_rowid()
            }
        };
        self.devices.insert(known, id);
        Ok(id)
    }

    /// A device by its keys, as a session has it.
    pub(super) fn device_of(&mut self, device: &Device, index: u32, name: Option<&str>) -> rusqlite::Result<i64> {
        let gpu = self.gpu(&device.gpu, None, index)?;
        self.device(gpu, device.mig.as_ref(), name)
    }

    pub(super) fn user(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.users.get(name) {
            return Ok(*id);
        }
        let id = match self.find_user.query_row([&**name], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => {
                self.connection.execute("INSERT INTO user(name) VALUES(?1)", [&**name])?;
                self.connection.last_insert_rowid()
            }
        };
        self.users.insert(Arc::clone(name), id);
        Ok(id)
    }

    /// User and place of an occupant.
    pub(super) fn occupant(&mut self, occupant: &Occupant) -> rusqlite::Result<(i64, i64)> {
        user_and_place(occupant, |holder| self.holder(holder))
    }

    /// User and place of a holder.
    pub(super) fn holder(&mut self, holder: &Arc<Holder>) -> rusqlite::Result<(i64, i64)> {
        let user = holder.user.as_ref().map_or(Ok(NAMELESS), |user| self.user(user))?;
        Ok((user, self.place(holder)?))
    }

    fn place(&mut self, holder: &Arc<Holder>) -> rusqlite::Result<i64> {
        let [job, pod, container] = [&holder.job, &holder.pod, &holder.container].map(Option::as_deref);
        if (job, pod, container) == (None, None, None) {
            return Ok(NOWHERE);
        }
        if let Some(id) = self.places.get(holder) {
            return Ok(*id);
        }
        let found = self.find_place.query_row((job, pod, container), |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                let add = "INSERT INTO place(job, pod, container) VALUES(?1, ?2, ?3)";
                self.connection.execute(add, (job, pod, container))?;
                self.connection.last_insert_rowid()
            }
        };
        self.places.insert(Arc::clone(holder), id);
        Ok(id)
    }
}

/// Number of a session, the same in memory and in the file: a hash of its identity and the store's, of 63 bits.
pub(super) fn session(store: &str, key: &SessionKey) -> i64 {
    let holder = &key.holder;
    let texts = [&key.device.mig, &holder.user, &holder.container, &holder.pod, &holder.job];
    let mut hash = text(text(FNV_BASIS, Some(store)), Some(&key.device.gpu));
    hash = texts.into_iter().fold(hash, |hash, part| text(hash, part.as_deref()));
    hash = bytes(hash, &key.first_ms.to_le_bytes());
    // The last bytes of FNV change the low bits only.
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    i64::from_le_bytes((hash ^ (hash >> 31)).to_le_bytes()) & i64::MAX
}

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1a, the same in every version and process, unlike the standard library's hashes.
fn bytes(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// A text, none differing from an empty one.
fn text(hash: u64, text: Option<&str>) -> u64 {
    let length = text.map_or(u64::MAX, |text| text.len() as u64);
    bytes(bytes(hash, &length.to_le_bytes()), text.unwrap_or_default().as_bytes())
}
