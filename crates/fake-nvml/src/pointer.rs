//! The pointers that callers hand in, each with what may be done with it. They have the ABI of a plain pointer, so that
//! exported functions take them directly, and no exported function has an unsafe block of its own.
//!
//! What makes all of it sound is the contract of NVML: a pointer that is not null leads to room for what the function's
//! documentation says, for as long as the call lasts.

use std::ffi::{CStr, c_char, c_uint};
use std::ptr;

use crate::answer::{Spoken, Told};
use crate::code::{Done, INSUFFICIENT_SIZE, INVALID_ARGUMENT, VERSION_MISMATCH};

/// An argument of a call.
pub(crate) trait Argument {
    /// Whether it is a null pointer though it must not be.
    fn is_missing(&self) -> bool {
        false
    }

    /// Which of a function's answers is wanted, if it says that.
    fn asks(&self) -> Option<u64> {
        None
    }

    /// Takes its part of a captured answer.
    fn hear<'a>(&'a self, _answer: &mut Spoken<'a>) -> Done {
        Ok(())
    }
}

impl Argument for u32 {
    fn asks(&self) -> Option<u64> {
        Some((*self).into())
    }
}

impl Argument for i32 {
    fn asks(&self) -> Option<u64> {
        Some(*self as u64)
    }
}

impl Argument for u64 {
    fn asks(&self) -> Option<u64> {
        Some(*self)
    }
}

/// How many bytes there are for the text before it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Room(pub(crate) c_uint);

impl Argument for Room {
    fn hear<'a>(&'a self, answer: &mut Spoken<'a>) -> Done {
        answer.end_text(self.0)
    }
}

/// Where a result is written; null is an error.
#[repr(transparent)]
pub(crate) struct Out<T>(*mut T);

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Out<T> {}

impl<T: Told> Argument for Out<T> {
    fn is_missing(&self) -> bool {
        self.0.is_null()
    }

    fn hear<'a>(&'a self, answer: &mut Spoken<'a>) -> Done {
        T::hear(Open(self.0), answer)
    }
}

impl<T: Copy> Out<T> {
    /// Writes the result.
    pub(crate) fn put(self, value: T) {
        // SAFETY: exported functions refuse null before they come here, and else there is room for a T (see above).
        unsafe { self.0.write(value) }
    }

    /// Reads what the caller put there, for arguments that go both ways.
    pub(crate) fn get(self) -> T {
        // SAFETY: as in `put`; only integers and structures of integers and pointers are read, which hold any bits.
        unsafe { self.0.read() }
    }

    /// Writes what no driver would tell.
    pub(crate) fn put_garbage(self) {
        // SAFETY: as in `put`; bytes are written, so nothing is asked of T.
        unsafe { ptr::write_bytes(self.0, GARBAGE, 1) }
    }

    /// Refuses a structure whose first word is not its size and this version.
    pub(crate) fn expect_version(self, version: u32) -> Done {
        // SAFETY: as in `put`; each versioned structure starts with its version.
        let told = unsafe { self.0.cast::<c_uint>().read() };
        if told == size_of::<T>() as u32 | version << 24 { Ok(()) } else { Err(VERSION_MISMATCH) }
    }

    /// The same address as a place for something else.
    pub(crate) fn cast<U>(self) -> Out<U> {
        Out(self.0.cast())
    }

    /// The same structure, to touch its fields one by one.
    pub(crate) fn open(self) -> Open<T> {
        Open(self.0)
    }

    /// The array that begins here.
    pub(crate) fn list(self) -> List<T> {
        List(self.0)
    }
}

/// What a garbage answer is made of: as a number it is absurd in any width, as text it is no UTF-8, as a handle it is
/// none of ours.
pub(crate) const GARBAGE: u8 = 0xee;

/// An array that the caller may leave out to ask for its size.
#[repr(transparent)]
pub(crate) struct List<T>(*mut T);

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<T> {}

impl<T> Argument for List<T> {}

impl<T: Copy> List<T> {
    pub(crate) const fn new(first: *mut T) -> Self {
        Self(first)
    }

    pub(crate) fn is_absent(self) -> bool {
        self.0.is_null()
    }

    /// The array from a place on.
    pub(crate) fn from(self, place: usize) -> Self {
        Self(self.0.wrapping_add(place))
    }

    /// The entry at a place, which must be below the count that the caller gave.
    pub(crate) fn at(self, place: usize) -> Out<T> {
        Out(self.0.wrapping_add(place))
    }
}

/// A structure whose real size is the caller's: only its fields are touched, one by one.
#[repr(transparent)]
pub(crate) struct Open<T>(*mut T);

impl<T> Clone for Open<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Open<T> {}

impl<T: Told> Argument for Open<T> {
    fn is_missing(&self) -> bool {
        self.0.is_null()
    }

    fn hear<'a>(&'a self, answer: &mut Spoken<'a>) -> Done {
        T::hear(*self, answer)
    }
}

impl<T> Open<T> {
    /// A field, by its offset.
    pub(crate) fn field<F>(self, offset: usize) -> Out<F> {
        Out(self.0.wrapping_byte_add(offset).cast())
    }
}

/// A C string that the caller gives.
#[repr(transparent)]
pub(crate) struct Name(*const c_char);

impl Argument for Name {
    fn is_missing(&self) -> bool {
        self.0.is_null()
    }
}

impl Name {
    pub(crate) fn text(&self) -> Result<&str, u32> {
        // SAFETY: exported functions refuse null before they come here, and else it is a C string (see above).
        unsafe { CStr::from_ptr(self.0) }.to_str().map_err(|_| INVALID_ARGUMENT)
    }
}

/// Room for a C string.
#[repr(transparent)]
pub(crate) struct Text(*mut c_char);

impl Argument for Text {
    fn is_missing(&self) -> bool {
        self.0.is_null()
    }

    fn hear<'a>(&'a self, answer: &mut Spoken<'a>) -> Done {
        answer.begin_text(self)
    }
}

impl Text {
    /// Writes the text and its end, if there is room for both.
    pub(crate) fn put(&self, text: &[u8], room: c_uint) -> Done {
        if text.len() >= room as usize {
            return Err(INSUFFICIENT_SIZE);
        }
        // SAFETY: exported functions refuse null before they come here; there is room for `room` bytes, the text and its
        // end are no more, and the caller's buffer is none of ours.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr().cast(), self.0, text.len());
            self.0.add(text.len()).write(0);
        }
        Ok(())
    }
}
