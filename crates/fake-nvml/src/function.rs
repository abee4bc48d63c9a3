//! The exported functions, by number and by name.

/// Defines [`Function`] from the names that the build script found in `src/abi`.
macro_rules! functions {
    ($($name:ident)*) => {
        /// An exported function.
        #[allow(non_camel_case_types, clippy::enum_variant_names, reason = "NVML chose the names")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Function {
            $($name,)*
        }

        impl Function {
            /// Names by `Function as usize`.
            pub(crate) const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Function of this exact name.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

include!(concat!(env!("OUT_DIR"), "/functions.rs"));
