//! The types that the catalogue declares: fields, entries, and a struct for each section.

/// Declares the sections of readings and, from all of them, [`Field`], [`SPECS`] and [`Readings`].
///
/// An entry is `Field = struct_field: type, "key" { attribute: value, … }`; its attributes are those of [`Spec`], and
/// it has the defaults of [`Spec::BLANK`] for the others.
macro_rules! catalogue {
    (
        apart { $($apart:tt)* }
        within { $($within:tt)* }
    ) => {
        catalogue!(@all { $($apart)* $($within)* });
        catalogue!(@readings { $($within)* });
    };
    (@all {
        $(
            $(#[doc = $doc:literal])*
            section $section:ident: $Section:ident, $prefix:literal {
                $($Field:ident = $name:ident: $type:ty, $key:literal { $($attribute:ident: $value:expr),* $(,)? })*
            }
        )*
    }) => {
        /// A reading of the catalogue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field {
            $($(
                #[doc = concat!("`", $prefix, $key, "`.")]
                $Field,
            )*)*
        }

        impl Field {
            /// Every reading, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$($(Self::$Field,)*)*];
        }

        /// Entries of the catalogue, in the order of [`Field::ALL`].
        pub static SPECS: [Spec; Field::ALL.len()] = [$($(
            Spec {
                path: concat!($prefix, $key),
                key: $key,
                value: <$type as Typed>::TYPE,
                $($attribute: $value,)*
                ..Spec::BLANK
            },
        )*)*];

        /// Section of the catalogue: an object in the API, or a part of the GPU's own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Section {
            $(
                $(#[doc = $doc])*
                $Section,
            )*
        }

        impl Section {
            /// Its readings.
            #[must_use]
            pub const fn fields(self) -> &'static [Field] {
                match self {
                    $(Self::$Section => &[$(Field::$Field,)*],)*
                }
            }

            /// Description.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$Section => concat!($($doc,)* "").trim_ascii(),)*
                }
            }
        }

        $(
            $(#[doc = $doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct $Section {
                $(
                    #[doc = concat!("`", $prefix, $key, "` of the catalogue.")]
                    pub $name: Reading<$type>,
                )*
            }

            impl $Section {
                /// Nothing read, all for one reason.
                #[must_use]
                pub const fn absent(why: Absence) -> Self {
                    Self { $($name: Err(why),)* }
                }

                /// The same, with an absent reading replaced by the one before if that was read.
                #[must_use]
                pub fn or_before(self, before: &Self) -> Self {
                    Self { $($name: self.$name.or_else(|why| before.$name.clone().map_err(|_| why)),)* }
                }

                /// A reading; nothing for one of another section.
                #[must_use]
                pub fn value(&self, field: Field) -> Option<Reading<Value<'_>>> {
                    match field {
                        $(Field::$Field => Some(self.$name.as_ref().map(Typed::value).map_err(|why| *why)),)*
                        #[allow(unreachable_patterns, reason = "a catalogue of one section")]
                        _ => None,
                    }
                }

                /// Makes a reading absent; false for one of another section.
                pub fn set_absent(&mut self, field: Field, why: Absence) -> bool {
                    match field {
                        $(Field::$Field => self.$name = Err(why),)*
                        #[allow(unreachable_patterns, reason = "a catalogue of one section")]
                        _ => return false,
                    }
                    true
                }

                /// Reasons of the readings that are absent.
                pub fn absences(&self) -> impl Iterator<Item = (Field, Absence)> {
                    [$((Field::$Field, self.$name.as_ref().err().copied()),)*]
                        .into_iter()
                        .filter_map(|(field, why)| Some((field, why?)))
                }
            }
        )*
    };
    (@readings {
        $(
            $(#[doc = $doc:literal])*
            section $section:ident: $Section:ident, $prefix:literal {
                $($Field:ident = $name:ident: $type:ty, $key:literal { $($attribute:tt)* })*
            }
        )*
    }) => {
        /// Every reading of a GPU that is read again and again.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct Readings {
            $(
                $(#[doc = $doc])*
                pub $section: $Section,
            )*
        }

        impl Readings {
            /// Its fields.
            pub const FIELDS: &'static [Field] = &[$($(Field::$Field,)*)*];

            /// Nothing read, all for one reason.
            #[must_use]
            pub const fn absent(why: Absence) -> Self {
                Self { $($section: $Section::absent(why),)* }
            }

            /// A reading; nothing for one that is not read again and again.
            #[must_use]
            pub fn value(&self, field: Field) -> Option<Reading<Value<'_>>> {
                match field {
                    $($(Field::$Field)|* => self.$section.value(field),)*
                    _ => None,
                }
            }

            /// Makes a reading absent; false for one that is not read again and again.
            pub fn set_absent(&mut self, field: Field, why: Absence) -> bool {
                match field {
                    $($(Field::$Field)|* => self.$section.set_absent(field, why),)*
                    _ => false,
                }
            }

            /// Reasons of the readings that are absent.
            pub fn absences(&self) -> impl Iterator<Item = (Field, Absence)> {
                std::iter::empty()$(.chain(self.$section.absences()))*
            }
        }
    };
}
