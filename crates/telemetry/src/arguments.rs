//! Arguments of a process, shared by all that hold them, with the command lines that were made of them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{command, mask};

/// Arguments of a process. A copy is a reference.
#[derive(Clone)]
pub struct Arguments(Arc<Shared>);

struct Shared {
    /// Each argument, followed by NUL, which none contains.
    text: Box<str>,
    full: OnceLock<Box<str>>,
    /// `None` where it is the same as the full line.
    masked: OnceLock<Option<Box<str>>>,
}

impl Arguments {
    fn of(text: Box<str>) -> Self {
        Self(Arc::new(Shared { text, full: OnceLock::new(), masked: OnceLock::new() }))
    }

    /// Arguments in the form of `/proc/PID/cmdline`: each followed by NUL.
    #[must_use]
    pub fn from_terminated(text: &str) -> Self {
        Self::of(text.into())
    }

    /// The form of `/proc/PID/cmdline`: each argument followed by NUL.
    #[must_use]
    pub fn terminated(&self) -> &str {
        &self.0.text
    }

    /// The arguments.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.text.split_terminator('\0')
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.text.is_empty()
    }

    /// The command line, joined at its first use.
    #[must_use]
    pub fn line(&self) -> &str {
        self.0.full.get_or_init(|| command::join(&self.iter().collect::<Vec<_>>()).into())
    }

    /// The command line with obvious secrets masked, joined at its first use.
    #[must_use]
    pub fn masked_line(&self) -> &str {
        let mask = || {
            let masked = command::join(&mask::arguments(&self.iter().collect::<Vec<_>>()));
            (masked != self.line()).then(|| masked.into())
        };
        self.0.masked.get_or_init(mask).as_deref().unwrap_or_else(|| self.line())
    }
}

impl<S: AsRef<str>> FromIterator<S> for Arguments {
    fn from_iter<I: IntoIterator<Item = S>>(arguments: I) -> Self {
        let mut text = String::new();
        for argument in arguments {
            text.push_str(argument.as_ref());
            text.push('\0');
        }
        Self::of(text.into())
    }
}

impl PartialEq for Arguments {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl Eq for Arguments {}

impl fmt::Debug for Arguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Terminated;

        impl de::Visitor<'_> for Terminated {
            type Value = Arguments;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("arguments, each followed by NUL")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Arguments, E> {
                Ok(Arguments::from_terminated(text))
            }
        }

        deserializer.deserialize_str(Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn command_lines_joined_and_masked() {
        let arguments: Arguments = ["python", "a b", "--token=planted"].into_iter().collect();
        assert_eq!(arguments.line(), "python \"a b\" --token=planted");
        assert_eq!(arguments.masked_line(), "python \"a b\" --token=***");
        let plain: Arguments = ["python"].into_iter().collect();
        assert_eq!((plain.line(), plain.masked_line()), ("python", "python"));
        let none: Arguments = [""; 0].into_iter().collect();
        assert!(none.is_empty() && none.line().is_empty());
    }

    proptest! {
        #[test]
        fn arguments_kept_through_frame(all in proptest::collection::vec("[^\0]{0,9}", 0..9)) {
            let arguments: Arguments = all.iter().collect();
            prop_assert_eq!(arguments.iter().collect::<Vec<_>>(), all.iter().map(String::as_str).collect::<Vec<_>>());
            let bytes = postcard::to_stdvec(&arguments).unwrap();
            let read: Arguments = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&read, &arguments);
            prop_assert_eq!(read.is_empty(), all.is_empty());
        }
    }
}
