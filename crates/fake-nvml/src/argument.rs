//! Arguments of calls, by type: which may be null, which select an answer, and which receive one.

use crate::answer::{Playable, Playback};
use crate::code::{Outcome, SUCCESS};
use crate::events::EventSet;
use crate::gpm::Sample;
use crate::handle::Device;
use crate::pointer::{Fields, List, Out, Size, TextIn, TextOut};
use crate::scenario::Answer;

/// An argument of a call.
pub(crate) trait Argument {
    /// Returns true for a null pointer that the function needs.
    fn is_missing(&self) -> bool {
        false
    }

    /// Number that selects one of the function's answers, such as a clock type.
    fn selector(&self) -> Option<u64> {
        None
    }

    /// Receives its part of an answer.
    fn play<'a>(&'a self, _playback: &mut Playback<'a>) -> Outcome {
        Ok(())
    }
}

/// Writes an answer into the arguments, or returns its error code.
pub(crate) fn play(answer: &Answer, arguments: &[&dyn Argument], seconds: f64) -> Outcome {
    if answer.code != SUCCESS {
        return Err(answer.code);
    }
    let mut playback = Playback::new(answer, seconds);
    arguments.iter().try_for_each(|argument| argument.play(&mut playback))
}

impl Argument for u32 {
    fn selector(&self) -> Option<u64> {
        Some((*self).into())
    }
}

impl Argument for i32 {
    fn selector(&self) -> Option<u64> {
        Some(*self as u64)
    }
}

impl Argument for u64 {
    fn selector(&self) -> Option<u64> {
        Some(*self)
    }
}

impl<T: Playable> Argument for Out<T> {
    fn is_missing(&self) -> bool {
        self.is_null()
    }

    fn play<'a>(&'a self, playback: &mut Playback<'a>) -> Outcome {
        T::play((*self).into(), playback)
    }
}

impl<T: Playable> Argument for Fields<T> {
    fn is_missing(&self) -> bool {
        self.is_null()
    }

    fn play<'a>(&'a self, playback: &mut Playback<'a>) -> Outcome {
        T::play(*self, playback)
    }
}

/// A null list asks for the number of entries. Its function plays captured lists itself.
impl<T> Argument for List<T> {}

impl Argument for TextIn {
    fn is_missing(&self) -> bool {
        self.is_null()
    }
}

impl Argument for TextOut {
    fn is_missing(&self) -> bool {
        self.is_null()
    }

    fn play<'a>(&'a self, playback: &mut Playback<'a>) -> Outcome {
        playback.start_text(self)
    }
}

impl Argument for Size {
    fn play<'a>(&'a self, playback: &mut Playback<'a>) -> Outcome {
        playback.finish_text(*self)
    }
}

impl Argument for Device {
    fn is_missing(&self) -> bool {
        self.pointer().is_null()
    }
}

impl Argument for EventSet {
    fn is_missing(&self) -> bool {
        self.is_null()
    }
}

impl Argument for Sample {
    fn is_missing(&self) -> bool {
        self.is_null()
    }
}
