//! Pointers passed by callers, each with the operations that are allowed on it. They have the ABI of a plain pointer,
//! so that exported functions take them directly and need no unsafe block of their own.
//!
//! All of it relies on the contract of NVML: a pointer that is not null points to as much memory as the function's
//! documentation says, for the duration of the call.

use std::ffi::{CStr, c_char, c_uint};
use std::ptr;

use crate::code::{INSUFFICIENT_SIZE, INVALID_ARGUMENT, Outcome, VERSION_MISMATCH};

/// Byte of a garbage result: an absurd number of any width, invalid UTF-8, and an unknown handle.
pub(crate) const GARBAGE: u8 = 0xee;

/// Size in bytes of the buffer passed before it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Size(pub(crate) c_uint);

/// Destination of one result.
#[repr(transparent)]
pub(crate) struct Out<T>(*mut T);

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Out<T> {}

impl<T> Out<T> {
    pub(crate) const fn is_null(&self) -> bool {
        self.0.is_null()
    }
}

impl<T: Copy> Out<T> {
    /// Writes the result.
    pub(crate) fn put(self, value: T) {
        // SAFETY: `call` refuses null before a function's body runs, and otherwise there is space for a T (see above).
        unsafe { self.0.write(value) }
    }

    /// Reads the caller's value of an argument that is both input and output.
    pub(crate) fn get(self) -> T {
        // SAFETY: as in `put`; only integers and structures of integers and pointers are read, for which any bits are
        // valid.
        unsafe { self.0.read() }
    }

    /// Writes a value that no real driver returns.
    pub(crate) fn put_garbage(self) {
        // SAFETY: as in `put`; it writes bytes, so T's validity does not matter here.
        unsafe { ptr::write_bytes(self.0, GARBAGE, 1) }
    }

    /// Fails with "argument version mismatch" unless the first word is the structure's size and this version.
    pub(crate) fn expect_version(self, version: u32) -> Outcome {
        // SAFETY: as in `put`; each versioned structure starts with its version.
        let found = unsafe { self.0.cast::<c_uint>().read() };
        if found == size_of::<T>() as u32 | version << 24 { Ok(()) } else { Err(VERSION_MISMATCH) }
    }

    /// Same address, as the destination of another type.
    pub(crate) fn cast<U>(self) -> Out<U> {
        Out(self.0.cast())
    }

    /// Same structure, for access by field.
    pub(crate) fn fields(self) -> Fields<T> {
        Fields(self.0)
    }

    /// Array that starts here.
    pub(crate) fn list(self) -> List<T> {
        List(self.0)
    }
}

/// Array; callers pass null to ask for its size.
#[repr(transparent)]
pub(crate) struct List<T>(*mut T);

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<T> {}

impl<T: Copy> List<T> {
    pub(crate) const fn new(first: *mut T) -> Self {
        Self(first)
    }

    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Array without its first `count` entries.
    pub(crate) fn skip(self, count: usize) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// Entry at an index, which must be less than the caller's count.
    pub(crate) fn at(self, index: usize) -> Out<T> {
        Out(self.0.wrapping_add(index))
    }
}

/// Structure accessed field by field, because its size depends on the caller's header.
#[repr(transparent)]
pub(crate) struct Fields<T>(*mut T);

impl<T> Clone for Fields<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Fields<T> {}

impl<T> Fields<T> {
    pub(crate) const fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Field at an offset in bytes.
    pub(crate) fn field<F>(self, offset: usize) -> Out<F> {
        Out(self.0.wrapping_byte_add(offset).cast())
    }
}

impl<T> From<Out<T>> for Fields<T> {
    fn from(out: Out<T>) -> Self {
        Self(out.0)
    }
}

/// C string passed by the caller.
#[repr(transparent)]
pub(crate) struct TextIn(*const c_char);

impl TextIn {
    pub(crate) const fn is_null(&self) -> bool {
        self.0.is_null()
    }

    pub(crate) fn text(&self) -> Result<&str, u32> {
        // SAFETY: `call` refuses null before a function's body runs, and otherwise it is a C string (see above).
        unsafe { CStr::from_ptr(self.0) }.to_str().map_err(|_| INVALID_ARGUMENT)
    }
}

/// Buffer for a C string.
#[repr(transparent)]
pub(crate) struct TextOut(*mut c_char);

impl TextOut {
    pub(crate) const fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Writes the text and a NUL, or fails with "insufficient size".
    pub(crate) fn put(&self, text: &[u8], Size(size): Size) -> Outcome {
        if text.len() >= size as usize {
            return Err(INSUFFICIENT_SIZE);
        }
        // SAFETY: `call` refuses null before a function's body runs. The buffer has `size` bytes, the text and its NUL
        // are no more, and the caller's buffer does not overlap our text.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr().cast(), self.0, text.len());
            self.0.add(text.len()).write(0);
        }
        Ok(())
    }
}
