//! The words that outside stand for the members of a closed set.

/// A closed set, each member of which has a word in JSON.
pub trait Words {
    /// Name of the set.
    const SET: &'static str;
    /// Every word, in the order of the members.
    const WORDS: &'static [&'static str];

    /// The word for this member.
    fn word(&self) -> &'static str;
}

/// Gives an enumeration its words, and the list of them: a member without a word does not compile.
macro_rules! words {
    ($set:ident { $($member:pat => $word:literal,)+ }) => {
        impl $set {
            /// The word for it in JSON.
            #[must_use]
            pub const fn as_str(&self) -> &'static str {
                match self {
                    $($member => $word,)+
                }
            }
        }

        impl $crate::words::Words for $set {
            const SET: &'static str = stringify!($set);
            const WORDS: &'static [&'static str] = &[$($word),+];

            fn word(&self) -> &'static str {
                self.as_str()
            }
        }
    };
}

pub(crate) use words;
