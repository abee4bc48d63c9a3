//! Rendered views of one snapshot, each rendered at most once, and which of them are in demand.
//!
//! A view that was requested recently is rendered on the supervisor's thread, before the snapshot is published. Any
//! other is rendered on its first request, on the HTTP thread, at most once per [`Demand`]'s time.

use std::{
    marker::PhantomData,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use telemetry::BootTime;

/// A key of a [`RenderCache`], one of a fixed number.
pub(crate) trait CacheKey: Copy {
    /// Number of keys.
    const COUNT: usize;

    /// Position of this key, below [`Self::COUNT`].
    fn index(self) -> usize;

    /// All keys, in the order of their positions.
    fn all() -> impl Iterator<Item = Self>;
}

/// The time of the last request of each key.
#[derive(Debug)]
pub(crate) struct Demand<K> {
    /// Boot time of the snapshot that answered the last request, in milliseconds; 0 for none.
    requested: Box<[AtomicU64]>,
    /// Time for which a view stays in demand, in milliseconds.
    keep_ms: u64,
    key: PhantomData<fn(K)>,
}

impl<K: CacheKey> Demand<K> {
    /// No demand yet; a view stays in demand for `keep_ms` after its last request.
    pub(crate) fn new(keep_ms: u64) -> Self {
        Self { requested: (0..K::COUNT).map(|_| AtomicU64::new(0)).collect(), keep_ms, key: PhantomData }
    }

    fn note(&self, key: K, now: BootTime) {
        self.requested[key.index()].store(now.0.max(1), Ordering::Relaxed);
    }

    fn is_recent(&self, key: K, now: BootTime) -> bool {
        let requested = self.requested[key.index()].load(Ordering::Relaxed);
        requested != 0 && now.0.saturating_sub(requested) <= self.keep_ms
    }
}

/// The rendered views of one snapshot.
#[derive(Debug)]
pub(crate) struct RenderCache<K, V> {
    demand: Arc<Demand<K>>,
    cells: Box<[OnceLock<V>]>,
}

impl<K: CacheKey, V> RenderCache<K, V> {
    /// An empty cache.
    pub(crate) fn new(demand: &Arc<Demand<K>>) -> Self {
        Self { demand: Arc::clone(demand), cells: (0..K::COUNT).map(|_| OnceLock::new()).collect() }
    }

    /// Keys to render ahead of requests.
    pub(crate) fn in_demand(&self, now: BootTime) -> impl Iterator<Item = K> {
        K::all().filter(move |key| self.demand.is_recent(*key, now))
    }

    /// Notes a request of a key, answered by a snapshot of that time.
    pub(crate) fn note(&self, key: K, now: BootTime) {
        self.demand.note(key, now);
    }

    /// The view of a key, rendered now unless it already is.
    pub(crate) fn get(&self, key: K, render: impl FnOnce() -> V) -> &V {
        self.cells[key.index()].get_or_init(render)
    }

    /// Takes the view of a key over from the cache of another snapshot, if it is rendered there.
    pub(crate) fn take_over(&self, key: K, before: &Self)
    where
        V: Clone,
    {
        if let Some(view) = before.cells[key.index()].get() {
            self.cells[key.index()].get_or_init(|| view.clone());
        }
    }

    #[cfg(test)]
    pub(crate) fn is_rendered(&self, key: K) -> bool {
        self.cells[key.index()].get().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl CacheKey for bool {
        const COUNT: usize = 2;

        fn index(self) -> usize {
            usize::from(self)
        }

        fn all() -> impl Iterator<Item = Self> {
            [false, true].into_iter()
        }
    }

    #[test]
    fn view_in_demand_for_the_time_after_its_request() {
        let demand = Arc::new(Demand::<bool>::new(60_000));
        let cache = RenderCache::<bool, ()>::new(&demand);
        assert_eq!(cache.in_demand(BootTime(1000)).count(), 0);
        cache.note(true, BootTime(1000));
        assert_eq!(cache.in_demand(BootTime(61_000)).collect::<Vec<_>>(), [true]);
        assert_eq!(cache.in_demand(BootTime(61_001)).count(), 0);
    }

    #[test]
    fn view_rendered_once_and_taken_over() {
        let demand = Arc::new(Demand::<bool>::new(1));
        let (before, after) = (RenderCache::new(&demand), RenderCache::new(&demand));
        assert_eq!((before.get(true, || 1), before.get(true, || 2)), (&1, &1));
        after.take_over(true, &before);
        assert_eq!((after.get(true, || 3), after.get(false, || 4)), (&1, &4));
    }
}
