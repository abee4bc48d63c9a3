//! Hosts that open streams show, whose GPUs are worth a query.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;

/// Names of the hosts that open streams show, with the number of streams.
pub type VisibleHosts = Arc<BTreeMap<Arc<str>, usize>>;

/// Hosts that open streams show. Copies are one.
#[derive(Clone, Debug, Default)]
pub struct Visible(Arc<watch::Sender<VisibleHosts>>);

/// Hosts that one stream shows, until it is dropped.
#[derive(Debug)]
pub struct Looking {
    visible: Visible,
    names: Vec<Arc<str>>,
}

impl Visible {
    /// The hosts now and after each change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<VisibleHosts> {
        self.0.subscribe()
    }

    /// A stream that shows no host yet.
    #[must_use]
    pub fn look(&self) -> Looking {
        Looking { visible: self.clone(), names: Vec::new() }
    }
}

impl Looking {
    /// Replaces the hosts that the stream shows.
    pub fn at<'a>(&mut self, names: impl Iterator<Item = &'a Arc<str>> + Clone) {
        if names.clone().eq(self.names.iter()) {
            return;
        }
        let before = std::mem::replace(&mut self.names, names.cloned().collect());
        self.visible.0.send_modify(|visible| {
            let visible = Arc::make_mut(visible);
            for name in &self.names {
                *visible.entry(Arc::clone(name)).or_default() += 1;
            }
            for name in before {
                if let Some(streams) = visible.get_mut(&name) {
                    *streams -= 1;
                    if *streams == 0 {
                        visible.remove(&name);
                    }
                }
            }
        });
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.at(std::iter::empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_visible_while_a_stream_shows_it() {
        let visible = Visible::default();
        let receiver = visible.subscribe();
        let names = || receiver.borrow().keys().map(ToString::to_string).collect::<Vec<_>>();
        let [a, b, c] = ["a", "b", "c"].map(Arc::<str>::from);
        let (mut one, mut other) = (visible.look(), visible.look());
        one.at([&a, &b].into_iter());
        other.at([&b, &c].into_iter());
        assert_eq!(names(), ["a", "b", "c"]);
        one.at([&c].into_iter());
        assert_eq!(names(), ["b", "c"]);
        drop(other);
        assert_eq!(names(), ["c"]);
        drop(one);
        assert!(names().is_empty());
    }
}
