//! Sections of the catalogue in the API: objects, and keys of the GPU's own object.

use serde::{Serialize, Serializer, ser::SerializeMap};
use telemetry::{
    Absence, Reading,
    readings::{self, Field, Section, Shown, Spec, Type, Unit, Value},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Object, ObjectBuilder, RefOr, Schema,
        extensions::ExtensionsBuilder,
        schema::{ArrayBuilder, KnownFormat, SchemaFormat, SchemaType, Type as JsonType},
    },
};

use crate::v1::view::ViewContext;

/// A section of the catalogue.
pub(crate) trait Catalogued: Clone {
    const SECTION: Section;
    /// Name of its object in the document.
    const NAME: &'static str;

    fn value(&self, field: Field) -> Option<Reading<Value<'_>>>;
    fn absences(&self) -> impl Iterator<Item = (Field, Absence)>;
}

macro_rules! catalogued {
    ($($section:ident $view:ident $name:literal;)*) => {
        $(
        // The derive macro of the document takes names without parameters only.
        pub(crate) type $view = Readings<readings::$section>;

        impl Catalogued for readings::$section {
            const SECTION: Section = Section::$section;
            const NAME: &'static str = $name;

            fn value(&self, field: Field) -> Option<Reading<Value<'_>>> {
                self.value(field)
            }

            fn absences(&self) -> impl Iterator<Item = (Field, Absence)> {
                self.absences()
            }
        }
        )*
    };
}

catalogued! {
    Identity IdentityView "Identity";
    Utilization UtilizationView "Utilization";
    Activity ActivityView "Activity";
    MemoryReadings MemoryView "Memory";
    Temperature TemperatureView "Temperature";
    PowerReadings PowerView "Power";
    Clocks ClocksView "Clocks";
    State StateView "State";
    Pcie PcieView "Pcie";
    Nvlink NvlinkView "Nvlink";
    Ecc EccView "Ecc";
    RemappedRows RemappedRowsView "RemappedRows";
    Modes ModesView "Modes";
    Fabric FabricView "Fabric";
}

/// Readings of a section, as this reader sees them: an object, or keys of another object.
#[derive(Clone, Debug)]
pub(crate) struct Readings<S> {
    section: S,
    fields: &'static [Field],
}

impl<S: Catalogued> Readings<S> {
    pub(crate) fn of(context: &mut ViewContext, section: &S) -> Self {
        Self::some(context, section, S::SECTION.fields())
    }

    /// Only these readings of it.
    pub(crate) fn some(context: &mut ViewContext, section: &S, fields: &'static [Field]) -> Self {
        for (field, why) in section.absences() {
            if field.spec().in_api && fields.contains(&field) {
                context.note(field.spec().key, why);
            }
        }
        Self { section: section.clone(), fields }
    }

    /// Writes its keys into an object.
    pub(crate) fn write<M: SerializeMap>(&self, object: &mut M) -> Result<(), M::Error> {
        for &field in self.fields {
            let spec = field.spec();
            if !spec.in_api {
                continue;
            }
            match self.section.value(field) {
                Some(Ok(value)) => object.serialize_entry(spec.key, &Json(spec.unit.in_api(value)))?,
                _ if is_list(spec) => object.serialize_entry(spec.key, &[(); 0])?,
                _ => object.serialize_entry(spec.key, &())?,
            }
        }
        Ok(())
    }
}

impl<S: Catalogued> Serialize for Readings<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        let mut object = serializer.serialize_map(None)?;
        self.write(&mut object)?;
        object.end()
    }
}

/// A value in the API's unit, in JSON.
struct Json<'a>(Shown<'a>);

impl Serialize for Json<'_> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        match &self.0 {
            Shown::Unsigned(number) => serializer.serialize_u64(*number),
            Shown::Signed(number) => serializer.serialize_i64(*number),
            Shown::Real(number) => serializer.serialize_f64(*number),
            Shown::Flag(flag) => serializer.serialize_bool(*flag),
            Shown::Word(word) => serializer.serialize_str(word),
            Shown::Words(words) => words.serialize(serializer),
            Shown::List(list) => list.serialize(serializer),
        }
    }
}

impl<S: Catalogued> PartialSchema for Readings<S> {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().schema_type(JsonType::Object).description(Some(S::SECTION.description()));
        let mut object = object.build();
        add_keys(&mut object, S::SECTION);
        Schema::Object(object).into()
    }
}

impl<S: Catalogued> ToSchema for Readings<S> {
    fn name() -> std::borrow::Cow<'static, str> {
        S::NAME.into()
    }
}

/// Adds a section's readings to the schema of an object.
pub(crate) fn add_keys(object: &mut Object, section: Section) {
    for spec in section.fields().iter().map(|field| field.spec()).filter(|spec| spec.in_api) {
        object.properties.insert(spec.key.to_owned(), property(spec).into());
        object.required.push(spec.key.to_owned());
    }
}

/// A list is empty where other readings are null.
fn is_list(spec: &Spec) -> bool {
    matches!(spec.unit, Unit::Bits(_)) || spec.value == Type::List
}

fn property(spec: &Spec) -> Schema {
    let known = |format| Some(SchemaFormat::KnownFormat(format));
    let whole = |format| (JsonType::Integer, known(format));
    let (kind, format) = match (spec.unit, spec.value) {
        (Unit::Word(_) | Unit::Bits(_), _) | (_, Type::Text) => (JsonType::String, None),
        (Unit::Milliwatts | Unit::Millijoules | Unit::Nanoseconds, _) | (_, Type::F64) => {
            (JsonType::Number, known(KnownFormat::Double))
        }
        (_, Type::U64) => whole(KnownFormat::Int64),
        (_, Type::U32 | Type::I32 | Type::List) => whole(KnownFormat::Int32),
        (_, Type::Bool) => (JsonType::Boolean, None),
    };
    let unsigned = kind == JsonType::Integer && spec.value != Type::I32;
    let one = ObjectBuilder::new().format(format).minimum(unsigned.then_some(0));
    let extensions = [
        ("x-label", spec.label),
        ("x-unit", spec.unit.api_name()),
        ("x-group", spec.group.map_or("", |group| group.title())),
        ("x-source", spec.nvml),
        ("x-period", spec.every.as_str()),
        ("x-absent", spec.absent),
    ];
    let extensions = extensions.into_iter().filter(|(_, value)| !value.is_empty());
    let extensions = extensions.fold(ExtensionsBuilder::new(), |all, (name, value)| all.add(name, value)).build();
    let description = Some(spec.description);
    if is_list(spec) {
        let items = one.schema_type(kind);
        return ArrayBuilder::new().items(items).description(description).extensions(Some(extensions)).into();
    }
    let nullable = SchemaType::from_iter([kind, JsonType::Null]);
    Schema::Object(one.schema_type(nullable).description(description).extensions(Some(extensions)).build())
}
