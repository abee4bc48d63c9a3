//! Metrics under dcgm-exporter's names, so that dashboards and alerts that were written for it run on unchanged: its
//! names, units, types and labels, in its order, integers as `%d` and all else as `%f`.

mod counters;
mod fields;
mod places;

pub use counters::{CountersError, DcgmCounters, Unserved};

use telemetry::snapshot::Gpu;

use fields::{Field, Known, Number, XID_ERRORS};
#[cfg(test)]
pub(crate) use fields::{Set, all as fields};
use places::{Place, places};

use super::{
    native::is_read,
    settings::DcgmSettings,
    table::Seen,
    text::{Family, Page, label_into},
};
use telemetry::xid;

/// Writes all that was chosen. What is not supported, or was not read, is left out.
pub(crate) fn render(seen: &Seen<'_>, settings: &DcgmSettings, page: &mut Page) {
    let places = places(seen, settings);
    for chosen in settings.counters.chosen() {
        let field = chosen.field;
        // The unit is part of the help, as in dcgm-exporter.
        let mut samples = page.begin(Family { name: field.name, kind: chosen.kind, unit: "", help: &chosen.help });
        for place in places.iter().filter(|place| is_told(place.gpu, field)) {
            let Ok(number) = field.value(place) else { continue };
            for labels in place.labels(|attributes| describe(field, place, attributes)) {
                match number {
                    Number::Whole(whole) => samples.push(&labels, whole),
                    Number::Real(real) => samples.push(&labels, format_args!("{real:.6}")),
                }
            }
        }
    }
}

/// True if a GPU's value is current. Xid errors are events instead of readings, so a lost GPU has them too.
fn is_told(gpu: &Gpu, field: &Field) -> bool {
    is_read(gpu) || field.name == XID_ERRORS
}

/// The labels that one metric alone has.
fn describe(field: &Field, place: &Place<'_>, attributes: &mut Vec<(&'static str, String)>) {
    if field.name != XID_ERRORS {
        return;
    }
    let code = place.gpu.xid.last.map_or(0, |(code, _)| code);
    let meaning = if code == 0 { "no error" } else { xid::look_up(code).meaning };
    attributes.push(("err_code", code.to_string()));
    attributes.push(("err_msg", meaning.to_owned()));
}

/// Labels that are values: a driver's version does not change from scrape to scrape.
fn known_labels(seen: &Seen<'_>, gpu: &Gpu, known: &[&Known], text: &mut String) {
    for label in known {
        if let Some(value) = (label.value)(seen.snapshot, gpu) {
            label_into(text, label.name, &value);
        }
    }
}
