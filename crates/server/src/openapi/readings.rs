//! `x-label`, `x-unit` and `x-group`: attributes of the catalogue on the properties of a GPU, for clients that list them.

use telemetry::readings::{SPECS, Spec};
use utoipa::openapi::{
    Components, RefOr, Schema,
    extensions::{Extensions, ExtensionsBuilder},
};

/// Schema at which the paths of readings begin.
const GPU: &str = "GpuView";

/// Adds the attributes of every reading that has a group.
pub(super) fn annotate(components: &mut Components) {
    for spec in &SPECS {
        if let Some(group) = spec.group
            && let Some(extensions) = extensions(components, spec.path)
        {
            extensions.get_or_insert_default().merge(attributes(spec, group.title()));
        }
    }
}

fn attributes(spec: &Spec, group: &'static str) -> Extensions {
    ExtensionsBuilder::new()
        .add("x-label", spec.label)
        .add("x-unit", spec.unit.api_name())
        .add("x-group", group)
        .build()
}

/// Extensions of the property at a dotted path of a GPU; none if there is no such property.
fn extensions<'a>(components: &'a mut Components, path: &str) -> Option<&'a mut Option<Extensions>> {
    let (key, sections) = path.rsplit_once('.').map_or((path, None), |(sections, key)| (key, Some(sections)));
    let mut object = GPU.to_owned();
    for section in sections.iter().flat_map(|sections| sections.split('.')) {
        object = match properties(components, &object)?.get(section)? {
            RefOr::Ref(to) => to.ref_location.rsplit('/').next()?.to_owned(),
            RefOr::T(_) => return None,
        };
    }
    match properties(components, &object)?.get_mut(key)? {
        RefOr::T(Schema::Object(object)) => Some(&mut object.extensions),
        RefOr::T(Schema::Array(array)) => Some(&mut array.extensions),
        _ => None,
    }
}

fn properties<'a>(
    components: &'a mut Components,
    object: &str,
) -> Option<&'a mut std::collections::BTreeMap<String, RefOr<Schema>>> {
    match components.schemas.get_mut(object)? {
        RefOr::T(Schema::Object(object)) => Some(&mut object.properties),
        _ => None,
    }
}
