//! How much of a collector may wait to be heard. What it writes beyond that waits in its pipe: a flood of frames must
//! not become the parent's memory. Orders and the end are never kept waiting by it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// How many reports may wait.
const PLACES: usize = 16;

/// Room for reports.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<(Mutex<usize>, Condvar)>);

/// A place in the room, held until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Room);

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new((Mutex::new(PLACES), Condvar::new())))
    }

    /// Waits for a place.
    pub(super) fn place(&self) -> Place {
        let (free, freed) = &*self.0;
        let free = free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Place(self.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (free, freed) = &*self.0.0;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn frame_beyond_capacity_waits() {
        let room = Room::new();
        let mut places: Vec<Place> = (0..PLACES).map(|_| room.place()).collect();
        let (got, gets) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| got.send(room.place()));
            assert!(gets.try_recv().is_err());
            places.pop();
            assert!(gets.recv().is_ok());
        });
    }
}
