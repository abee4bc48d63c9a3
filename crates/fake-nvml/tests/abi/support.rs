//! A copy of the library with its own scenario.

use std::ffi::{CStr, c_char, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use libloading::Library;
use tempfile::TempDir;

/// Opaque handle.
pub(crate) type Handle = *mut c_void;

/// A loaded copy. Each test has its own, so that tests in one process do not share state.
pub(crate) struct Fake {
    pub(crate) library: Library,
    folder: TempDir,
}

/// Time after which a changed scenario is reloaded.
pub(crate) const RELOADED: Duration = Duration::from_millis(40);

/// Library that was built with this test.
pub(crate) fn built_library() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("libfake_nvml.so")).find(|path| path.exists());
    found.expect("the library is built with its tests")
}

impl Fake {
    /// Loads a copy with this scenario, without init.
    pub(crate) fn load(scenario: &str) -> Self {
        static ENVIRONMENT: Mutex<()> = Mutex::new(());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libnvidia-ml.so.1");
        fs::copy(built_library(), &path).unwrap();
        fs::write(folder.path().join("scenario.toml"), scenario).unwrap();
        let _alone = ENVIRONMENT.lock().unwrap();
        // SAFETY: under the lock, no other test accesses the environment. The library reads it in its first call, which
        // is below. Loading it runs no code.
        let library = unsafe {
            std::env::set_var("FAKE_NVML_SCENARIO", folder.path().join("scenario.toml"));
            std::env::set_var("FAKE_NVML_CALLS", folder.path().join("calls"));
            Library::new(&path).unwrap()
        };
        let fake = Self { library, folder };
        fake.error_text(0);
        fake
    }

    /// Loads and initializes a copy.
    pub(crate) fn play(scenario: &str) -> Self {
        let fake = Self::load(scenario);
        assert_eq!(fake.init(), 0, "init of {scenario}");
        fake
    }

    /// Replaces the scenario and waits until it is reloaded.
    pub(crate) fn replay(&self, scenario: &str) {
        self.replace(scenario);
        thread::sleep(RELOADED);
    }

    /// Replaces the scenario.
    pub(crate) fn replace(&self, scenario: &str) {
        let path = self.folder.path().join("scenario.new");
        fs::write(&path, scenario).unwrap();
        fs::rename(path, self.folder.path().join("scenario.toml")).unwrap();
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Function of the library, with the type given by the caller.
    pub(crate) fn function<F: Copy>(&self, name: &str) -> F {
        // SAFETY: each test states the function's type in the ABI.
        *unsafe { self.library.get::<F>(name) }.unwrap_or_else(|_| panic!("{name} is exported"))
    }

    pub(crate) fn init(&self) -> u32 {
        self.plain("nvmlInit_v2")
    }

    /// Calls a function without arguments.
    pub(crate) fn plain(&self, name: &str) -> u32 {
        let function: unsafe extern "C" fn() -> u32 = self.function(name);
        // SAFETY: the function takes nothing.
        unsafe { function() }
    }

    pub(crate) fn error_text(&self, code: u32) -> String {
        let function: unsafe extern "C" fn(u32) -> *const c_char = self.function("nvmlErrorString");
        // SAFETY: the function takes an integer and returns a C string that lives as long as the library.
        unsafe { CStr::from_ptr(function(code)) }.to_str().unwrap().to_owned()
    }

    /// Return code and handle for an index.
    pub(crate) fn handle_code(&self, index: u32) -> (u32, Handle) {
        let function: unsafe extern "C" fn(u32, *mut Handle) -> u32 = self.function("nvmlDeviceGetHandleByIndex_v2");
        let mut handle = std::ptr::null_mut();
        // SAFETY: the pointer leads to a handle of ours.
        let code = unsafe { function(index, &raw mut handle) };
        (code, handle)
    }

    pub(crate) fn handle(&self, index: u32) -> Handle {
        let (code, handle) = self.handle_code(index);
        assert_eq!(code, 0, "handle of GPU {index}");
        handle
    }

    /// Calls a function that writes one value of a GPU.
    pub(crate) fn get<T: Default>(&self, name: &str, handle: Handle) -> (u32, T) {
        let function: unsafe extern "C" fn(Handle, *mut T) -> u32 = self.function(name);
        let mut value = T::default();
        // SAFETY: the pointer leads to a value of ours, of the type that the function writes.
        let code = unsafe { function(handle, &raw mut value) };
        (code, value)
    }

    /// Calls a function with a selector that writes one value of a GPU.
    pub(crate) fn get_of<T: Default>(&self, name: &str, handle: Handle, which: u32) -> (u32, T) {
        let function: unsafe extern "C" fn(Handle, u32, *mut T) -> u32 = self.function(name);
        let mut value = T::default();
        // SAFETY: as in `get`.
        let code = unsafe { function(handle, which, &raw mut value) };
        (code, value)
    }

    /// Calls a function that writes a text into a buffer of `size` bytes.
    pub(crate) fn text(&self, name: &str, handle: Handle, size: u32) -> (u32, Vec<u8>) {
        let function: unsafe extern "C" fn(Handle, *mut c_char, u32) -> u32 = self.function(name);
        let mut buffer = vec![b'#'; size as usize];
        // SAFETY: the buffer has the given size.
        let code = unsafe { function(handle, buffer.as_mut_ptr().cast(), size) };
        let end = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
        buffer.truncate(end);
        (code, buffer)
    }

    /// Calls of a function according to the counters' file.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.folder.path().join("calls")).unwrap();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        assert_eq!(line.len(), 79, "{line}");
        line[60..].trim().parse().unwrap()
    }
}
