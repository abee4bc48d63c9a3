//! Hosts of the list by the label `instance`, which names them in an engine.

use std::collections::HashMap;

use crate::target::{Scheme, Target, TargetList};

/// Hosts by `instance`. Others of the engine are not looked at.
#[derive(Debug, Default)]
pub(in crate::engine) struct Instances {
    /// Positions in the list.
    by_name: HashMap<Box<str>, usize>,
    /// Names of each host of the list; none if another has the same.
    names: Vec<Vec<Box<str>>>,
}

impl Instances {
    pub(in crate::engine) fn of(list: &TargetList) -> Self {
        let names: Vec<Vec<Box<str>>> = list.targets.iter().map(|target| names(target)).collect();
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for name in names.iter().flatten() {
            *uses.entry(name).or_default() += 1;
        }
        let is_own = |all: &Vec<Box<str>>| all.iter().all(|name| uses.get(&**name) == Some(&1));
        let names: Vec<Vec<Box<str>>> =
            names.iter().map(|all| if is_own(all) { all.clone() } else { Vec::new() }).collect();
        let by_name = names.iter().enumerate().flat_map(|(at, all)| all.iter().map(move |name| (name.clone(), at)));
        Self { by_name: by_name.collect(), names }
    }

    /// Position of the host in the list.
    pub(in crate::engine) fn find(&self, instance: &str) -> Option<usize> {
        self.by_name.get(instance).copied()
    }

    /// Names of a host; none if they are not its own.
    pub(in crate::engine) fn names(&self, at: usize) -> &[Box<str>] {
        self.names.get(at).map_or(&[], Vec::as_slice)
    }

    /// Number of hosts in the list.
    pub(in crate::engine) const fn len(&self) -> usize {
        self.names.len()
    }
}

/// The label if the list sets it, else the address. Engines differ for a port that is the scheme's: `host:80` or `host`.
fn names(target: &Target) -> Vec<Box<str>> {
    if let Some(instance) = target.labels.get("instance").filter(|instance| !instance.is_empty()) {
        return vec![instance.clone()];
    }
    let endpoint = &target.endpoint;
    let authority = endpoint.authority();
    let usual = match endpoint.scheme {
        Scheme::Http => ":80",
        Scheme::Https => ":443",
    };
    let short = authority.strip_suffix(usual).map(Box::from);
    std::iter::once(Box::from(authority.as_str())).chain(short).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::target::Endpoint;

    pub(crate) fn target(name: &str, host: &str, port: u16, instance: Option<&str>) -> Arc<Target> {
        let endpoint = Endpoint { scheme: Scheme::Http, host: host.into(), port, prefix: "".into() };
        let labels = instance.map(|instance| (Box::from("instance"), Box::from(instance)));
        Arc::new(Target {
            endpoint,
            name: name.into(),
            labels: Arc::new(labels.into_iter().collect()),
            ssh_host: None,
            notes: Vec::new(),
        })
    }

    #[test]
    fn host_found_by_each_form_of_its_instance() {
        let targets = [
            target("a", "gpu01", 8000, None),
            target("b", "gpu02", 80, None),
            target("c", "gpu03", 8000, Some("third")),
            target("d", "::1", 8000, None),
        ];
        let list = TargetList { targets: targets.into(), is_loaded: true, ..TargetList::default() };
        let instances = Instances::of(&list);
        for (instance, at) in [
            ("gpu01:8000", Some(0)),
            ("gpu02:80", Some(1)),
            ("gpu02", Some(1)),
            ("third", Some(2)),
            ("[::1]:8000", Some(3)),
            ("gpu03:8000", None),
            ("gpu01", None),
            ("a", None),
        ] {
            assert_eq!(instances.find(instance), at, "{instance}");
        }
    }

    #[test]
    fn shared_instance_is_nobodys() {
        let targets = [
            target("a", "proxy", 8000, None),
            target("b", "proxy", 8000, None),
            target("c", "gpu03", 8000, Some("proxy2")),
            target("d", "proxy2", 80, None),
            target("e", "gpu05", 8000, None),
        ];
        let list = TargetList { targets: targets.into(), is_loaded: true, ..TargetList::default() };
        let instances = Instances::of(&list);
        assert!(["proxy:8000", "proxy2", "proxy2:80"].iter().all(|name| instances.find(name).is_none()));
        assert_eq!((instances.find("gpu05:8000"), instances.names(0).len(), instances.names(4).len()), (Some(4), 0, 1));
    }
}
