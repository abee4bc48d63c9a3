//! Metrics under dcgm-exporter's names, so that dashboards and alerts that were written for it run on unchanged: its
//! names, units, types and labels, in its order, integers as `%d` and all else as `%f`. Two sets of names are served: those
//! up to dcgm-exporter 4.8, and those that 4.9 introduced.

mod counters;
mod fields;
mod places;

pub use counters::{CountersError, DcgmCounters, Unserved};

use telemetry::snapshot::Gpu;

use counters::{Chosen, Head};
use fields::{Known, Number};
pub(crate) use fields::{Named, Version};
#[cfg(test)]
pub(crate) use fields::{Set, all as fields};
use places::{Place, places};

use super::{
    names::DcgmNames,
    native::is_read,
    settings::DcgmSettings,
    table::Seen,
    text::{Family, Page, label_into},
};

/// Writes all that was chosen. What is not supported, or was not read, is left out.
pub(crate) fn render(seen: &Seen<'_>, settings: &DcgmSettings, names: DcgmNames, page: &mut Page) {
    let versions: &[Version] = match names {
        DcgmNames::No => &[],
        DcgmNames::Until48 => &[Version::Until48],
        DcgmNames::Since49 => &[Version::Since49],
        DcgmNames::Both => &[Version::Until48, Version::Since49],
    };
    let places = places(seen, settings, versions);
    for chosen in settings.counters.chosen() {
        let of = |version: &Version| Some((*version, chosen.head(*version)?, chosen.field.named(*version)));
        let mut heads = versions.iter().filter_map(of);
        match (heads.next(), heads.next()) {
            // A name that both versions have is served once, with the labels of both: twice would double every sum.
            (Some((old, head, first)), Some((new, _, second))) if first.name == second.name => {
                write(chosen, head, first, &[old, new], &places, page);
            }
            (one, two) => {
                for (version, head, named) in one.into_iter().chain(two) {
                    write(chosen, head, named, &[version], &places, page);
                }
            }
        }
    }
}

fn write(chosen: &Chosen, head: &Head, named: &Named, versions: &[Version], places: &[Place<'_>], page: &mut Page) {
    let field = chosen.field;
    // The unit is part of the help, as in dcgm-exporter.
    let mut samples = page.begin(Family { name: named.name, kind: head.kind, unit: "", help: &head.help });
    for place in places.iter().filter(|place| field.is_event() || is_read(place.gpu)) {
        for sample in field.samples(place, named.unit) {
            for labels in place.labels(versions, &sample.labels) {
                match sample.number {
                    Number::Whole(whole) => samples.push(&labels, whole),
                    Number::Real(real) => samples.push(&labels, format_args!("{real:.6}")),
                }
            }
        }
    }
}

/// Labels that are values: a driver's version does not change from scrape to scrape.
fn known_labels(seen: &Seen<'_>, gpu: &Gpu, known: &[&Known], versions: &[Version], text: &mut String) {
    let mut named: Vec<(&str, &Known)> = Vec::new();
    for version in versions {
        for label in known {
            let name = label.name(*version);
            if !named.iter().any(|(other, _)| *other == name) {
                named.push((name, label));
            }
        }
    }
    // As dcgm-exporter serves them, whatever the order in its file.
    named.sort_by_key(|(name, _)| *name);
    for (name, label) in named {
        if let Some(value) = (label.value)(seen.snapshot, gpu) {
            label_into(text, name, &value);
        }
    }
}
