//! Xid errors: what NVIDIA's numbers mean, whose fault they are and what to do.

mod catalogue;

use std::time::Duration;

use crate::snapshot::Severity;

/// Time for which an application's own Xid counts against the GPU: long enough to be seen, and no longer, since nothing
/// is wrong with the GPU.
pub const OWN_FAULT_HOLDS: Duration = Duration::from_secs(600);

/// Most likely cause of an Xid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The program that ran on the GPU.
    Application,
    /// The driver or the GPU's firmware.
    Driver,
    /// The GPU, its memory included.
    Hardware,
    /// Surroundings of the GPU: heat, power, the PCIe bus, NVLink.
    Surroundings,
}

impl Fault {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Driver => "driver",
            Self::Hardware => "hardware",
            Self::Surroundings => "surroundings",
        }
    }
}

/// Entry of one Xid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// NVIDIA's number.
    pub code: u64,
    /// Meaning.
    pub meaning: &'static str,
    /// Most likely cause.
    pub fault: Fault,
    /// Severity for the GPU; [`Severity::Ok`] where it only informs.
    pub severity: Severity,
    /// Remedy; empty if there is none.
    pub action: &'static str,
}

impl Entry {
    /// For how long it counts against the GPU; none if until a reset or a reboot.
    #[must_use]
    pub const fn holds(&self) -> Option<Duration> {
        match self.fault {
            Fault::Application => Some(OWN_FAULT_HOLDS),
            Fault::Driver | Fault::Hardware | Fault::Surroundings => None,
        }
    }
}

/// An Xid that the catalogue does not have. It is a warning, since the driver reports nothing that nobody should see.
const UNKNOWN: Entry = Entry {
    code: 0,
    meaning: "an error that this catalogue does not know",
    fault: Fault::Driver,
    severity: Severity::Warning,
    action: "Look the number up in NVIDIA's list of Xid errors.",
};

/// Entry of an Xid.
#[must_use]
pub fn look_up(code: u64) -> Entry {
    catalogue::ENTRIES
        .binary_search_by_key(&code, |entry| entry.code)
        .ok()
        .and_then(|position| catalogue::ENTRIES.get(position).copied())
        .unwrap_or(Entry { code, ..UNKNOWN })
}

#[cfg(test)]
mod tests {
    use super::{catalogue::ENTRIES, *};

    #[test]
    fn xid_catalogue_sorted_and_unique() {
        assert!(ENTRIES.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn documented_xids_are_known() {
        // Without numbers that NVIDIA's list and the driver's public source have as not used.
        let old = [8, 11, 13, 14, 16].into_iter().chain(18..=25).chain(27..=48).chain(54..=54).chain(56..=110);
        let documented = old.chain(119..=176);
        for code in documented {
            let entry = look_up(code);
            assert_eq!(entry.code, code);
            assert_ne!(entry.meaning, UNKNOWN.meaning, "{code}");
            assert!(entry.severity == Severity::Ok || !entry.action.is_empty(), "{code} without a remedy");
        }
        assert_eq!((look_up(4711).code, look_up(4711).meaning), (4711, UNKNOWN.meaning));
    }

    #[test]
    fn ignorable_xids_are_harmless() {
        for code in [14, 23, 63, 87, 91, 93, 106, 107, 154, 162, 171, 172, 174, 176] {
            assert_eq!(look_up(code).severity, Severity::Ok, "{code}");
        }
        assert!(look_up(171).action.contains("48") && look_up(172).action.contains("48"));
    }

    #[test]
    fn only_application_xids_expire() {
        let passing: Vec<u64> =
            ENTRIES.iter().filter(|entry| entry.holds().is_some()).map(|entry| entry.code).collect();
        // Those of which NVIDIA says that the application is to be restarted, 43, 45 and 109, and engines that programs
        // use.
        let restarted =
            [8, 11, 13, 14].into_iter().chain(20..=22).chain([25]).chain(27..=32).chain(34..=36).chain(39..=43);
        let more = [45, 60, 68, 69, 70, 71, 72, 75, 76, 77, 80].into_iter().chain(82..=86).chain(88..=89);
        let newer = (96..=105).chain([109]).chain(126..=135).chain([138, 139, 174]);
        assert_eq!(passing, restarted.chain(more).chain(newer).collect::<Vec<u64>>());
        assert_eq!(look_up(79).holds(), None);
        assert_eq!(look_up(4711).holds(), None);
    }

    #[test]
    fn xids_beyond_the_list_judged_by_name() {
        let severity = |code| look_up(code).severity;
        assert_eq!(
            [173, 174, 175, 176].map(severity),
            [Severity::Critical, Severity::Ok, Severity::Critical, Severity::Ok]
        );
        for code in [19, 30, 47, 59, 90, 108, 138, 152, 153] {
            assert_eq!(severity(code), Severity::Warning, "{code}");
        }
        for code in 173..=176 {
            assert!(look_up(code).meaning.starts_with("by its name: "), "{code}");
        }
    }
}
