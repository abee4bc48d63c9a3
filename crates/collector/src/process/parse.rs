//! Parsers of `/proc`'s files: pure functions from bytes to a value or none.
//!
//! Not a library's: the one that was tried panicked on a malformed `stat`, and these have three lines each.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use memchr::memrchr;
use telemetry::{Arguments, sample::CpuTicks};

/// Fields of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// Field 3.
    pub(super) state: u8,
    /// Field 4: PID of the parent; 0 if it has none in this PID namespace.
    pub(super) parent: u32,
    /// Fields 14 and 15 together: clock ticks in user mode and in the kernel.
    pub(super) cpu_ticks: Option<u64>,
    /// Field 22, in clock ticks since boot.
    pub(super) start_ticks: u64,
    /// Field 24, in pages.
    pub(super) resident_pages: Option<u64>,
}

/// Parses `/proc/PID/stat`. The name in field 2 may contain anything, including parentheses and newlines, so fields are
/// counted from the last `)`.
///
/// It was a fifth of the collector's work with 50 processes, so it reads no field after the last one that is needed.
pub(super) fn stat(bytes: &[u8]) -> Option<Stat> {
    let rest = bytes.get(memrchr(b')', bytes)? + 1..)?;
    let mut fields = rest.split(|&byte| matches!(byte, b' ' | b'\n')).filter(|field| !field.is_empty());
    let state = *fields.next()?.first()?;
    // An invalid number does not invalidate the other fields.
    let parent = digits(fields.next()?).unwrap_or(0);
    let user: Option<u64> = digits(fields.nth(14 - 5)?);
    let kernel: Option<u64> = digits(fields.next()?);
    let start_ticks = digits(fields.nth(22 - 16)?)?;
    let resident_pages = fields.nth(24 - 23).and_then(digits);
    let cpu_ticks = user.zip(kernel).and_then(|(user, kernel)| user.checked_add(kernel));
    Some(Stat { state, parent, cpu_ticks, start_ticks, resident_pages })
}

fn digits<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Returns field 2 of `/proc/PID/stat`, the process's name, without its parentheses.
pub(super) fn stat_name(bytes: &[u8]) -> Option<&[u8]> {
    let end = memrchr(b')', bytes)?;
    let start = bytes.iter().position(|&byte| byte == b'(')? + 1;
    bytes.get(start..end)
}

/// Parses a file of one line, such as `comm`. None if it is empty; invalid UTF-8 becomes U+FFFD.
pub(super) fn line(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Parses the real user id: the first number of the line `Uid:` in `/proc/PID/status`. In the line with the name before
/// it newlines are escaped.
pub(super) fn real_uid(bytes: &[u8]) -> Option<u32> {
    number_after(bytes, "Uid:")
}

/// Parses a line of `/proc/meminfo`, in bytes.
pub(super) fn memory(bytes: &[u8], key: &str) -> Option<u64> {
    number_after::<u64>(bytes, key)?.checked_mul(1024)
}

/// Parses `btime` of `/proc/stat`: the boot time in Unix seconds.
pub(super) fn boot_time(bytes: &[u8]) -> Option<u64> {
    number_after(bytes, "btime ")
}

/// Parses the line `cpu` of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. The two after those,
/// for guests, are counted in the first two already. Old kernels have fewer.
pub(super) fn cpu(bytes: &[u8]) -> Option<CpuTicks> {
    let line = bytes.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"cpu "))?;
    let fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace().take(8);
    let ticks: Vec<u64> = fields.map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let total = ticks.iter().try_fold(0_u64, |sum, &ticks| sum.checked_add(ticks))?;
    let idle = ticks.get(3)?.checked_add(ticks.get(4).copied().unwrap_or(0))?;
    Some(CpuTicks { busy: total.checked_sub(idle)?, total })
}

/// Parses `/proc/loadavg`: the load average of one minute.
pub(super) fn load(bytes: &[u8]) -> Option<f64> {
    let load: f64 = std::str::from_utf8(bytes).ok()?.split_ascii_whitespace().next()?.parse().ok()?;
    (load.is_finite() && load >= 0.0).then_some(load)
}

/// Returns the options of a mount in `/proc/mounts`. The last one counts if several are mounted over each other.
pub(super) fn mount_options<'a>(bytes: &'a [u8], place: &Path) -> Option<&'a str> {
    let options = |line: &'a [u8]| {
        let mut fields = line.split(|&byte| byte == b' ').skip(1);
        let at = Path::new(OsStr::from_bytes(fields.next()?));
        let options = fields.nth(1)?;
        (at == place).then(|| std::str::from_utf8(options).ok()).flatten()
    };
    bytes.split(|&byte| byte == b'\n').filter_map(options).next_back()
}

fn number_after<T: std::str::FromStr>(bytes: &[u8], key: &str) -> Option<T> {
    let line = bytes.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(key.as_bytes()))?;
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// Splits arguments at NUL; the last NUL may be missing if a process has changed its title. Invalid UTF-8 becomes
/// U+FFFD.
pub(super) fn arguments(bytes: &[u8]) -> Arguments {
    match String::from_utf8_lossy(bytes) {
        text if text == "\0" => Arguments::from_terminated(""),
        text if text.is_empty() || text.ends_with('\0') => Arguments::from_terminated(&text),
        text => Arguments::from_terminated(&(text.into_owned() + "\0")),
    }
}

/// Returns whether a `/proc/PID/uid_map` maps every user id: its lengths are all numbers but the last, which is none.
pub(super) fn maps_all_users(map: &[u8]) -> bool {
    let length = |line: &str| line.split_ascii_whitespace().nth(2).and_then(|length| length.parse::<u64>().ok());
    String::from_utf8_lossy(map).lines().filter_map(length).sum::<u64>() >= u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAT: &str = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 10 32 5 6 20 0 1 0 4321 9 77 8";
    const READ: Stat =
        Stat { state: b'S', parent: 1, cpu_ticks: Some(42), start_ticks: 4321, resident_pages: Some(77) };

    #[test]
    fn stat_fields_counted_after_name() {
        assert_eq!(stat(STAT.as_bytes()), Some(READ));
        assert_eq!(stat_name(STAT.as_bytes()), Some(b"a) b".as_slice()));
        assert_eq!((stat_name(b"7 a"), stat_name(b") (")), (None, None));
        let without = |field| stat(STAT.replace(field, " x ").as_bytes());
        assert_eq!(without(" 32 "), Some(Stat { cpu_ticks: None, ..READ }));
        assert_eq!(without(" 77 "), Some(Stat { resident_pages: None, ..READ }));
        assert_eq!(stat(STAT.split(" 9 ").next().unwrap().as_bytes()), Some(Stat { resident_pages: None, ..READ }));
        for broken in ["", ")", ")(", "7 (a", "7 (a) S 1 2", "7 (a) S 1 7 7 0 -1 4 1 0 0 0 1 2 0 0 20 0 1 0 x"] {
            assert_eq!(stat(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn keys_matched_at_line_start() {
        assert_eq!(real_uid(b"Name:\tUid:\nUid:\t1000\t0\t0\t0\n"), Some(1000));
        assert_eq!(real_uid(b"Name:\tx\n"), None);
        assert_eq!(memory(b"MemTotal:       24 kB\nMemAvailable: 5 kB\n", "MemAvailable:"), Some(5120));
        assert_eq!(memory(b"MemTotal: 99999999999999999999 kB\n", "MemTotal:"), None);
        assert_eq!(memory(b"MemTotal: 18446744073709551615 kB\n", "MemTotal:"), None);
    }

    #[test]
    fn host_proc_files_parsed() {
        let stat = b"cpu  10 1 4 100 20 2 3 5 7 1\ncpu0 9 9 9 9\nintr 1 2\nbtime 1700000000\nprocesses 7\n";
        assert_eq!(cpu(stat), Some(CpuTicks { busy: 25, total: 145 }));
        assert_eq!(boot_time(stat), Some(1_700_000_000));
        assert_eq!(cpu(b"cpu 1 2 3 4\n"), Some(CpuTicks { busy: 6, total: 10 }));
        for broken in ["", "cpu\n", "cpu0 1 2 3 4\n", "cpu  1 2 3\n", "cpu  1 2 x 4\n"] {
            assert_eq!(cpu(broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(load(b"0.42 0.30 0.20 1/234 567\n"), Some(0.42));
        for broken in ["", "x", "NaN 1", "inf", "-1"] {
            assert_eq!(load(broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(line(b"gpu01\n").as_deref(), Some("gpu01"));
        assert_eq!(line(b"a\nb \xFF\n").as_deref(), Some("a\nb \u{FFFD}"));
        assert_eq!((line(b""), line(b"\n")), (None, None));
    }

    #[test]
    fn mount_on_top_wins() {
        let mounts = b"proc /proc proc rw,hidepid=2 0 0\nx /proc/sys x ro 0 0\nbroken\nproc /proc proc rw,gid=7 0 0\n";
        assert_eq!(mount_options(mounts, Path::new("/proc")), Some("rw,gid=7"));
        assert_eq!(mount_options(mounts, Path::new("/proc/")), Some("rw,gid=7"));
        assert_eq!(mount_options(mounts, Path::new("/host/proc")), None);
    }

    #[test]
    fn arguments_split_at_nul_and_decoded() {
        let all = |bytes| arguments(bytes).iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(all(b"python\0a b\0\0x\0"), ["python", "a b", "", "x"]);
        assert_eq!(all(b"title without end"), ["title without end"]);
        assert_eq!(all(b"bad \xFF\0"), ["bad \u{FFFD}"]);
        assert!(arguments(b"").is_empty() && arguments(b"\0").is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_tolerated(bytes in any::<Vec<u8>>()) {
            let _ = stat(&bytes);
            let _ = real_uid(&bytes);
            let _ = memory(&bytes, "");
            let _ = arguments(&bytes);
            let _ = (line(&bytes), boot_time(&bytes), load(&bytes));
            let _ = mount_options(&bytes, Path::new("/proc"));
            prop_assert!(cpu(&bytes).is_none_or(|ticks| ticks.busy <= ticks.total));
        }

        #[test]
        fn cpu_use_never_exceeds_one(ticks in prop::collection::vec(any::<u64>(), 0..12)) {
            let fields: Vec<String> = ticks.iter().map(u64::to_string).collect();
            let read = cpu(format!("cpu  {}\n", fields.join(" ")).as_bytes());
            prop_assert!(read.is_none_or(|ticks| ticks.busy <= ticks.total));
            prop_assert!(read.is_none() || ticks.len() >= 4);
        }

        #[test]
        fn mutated_files_tolerated(place in any::<prop::sample::Index>(), with in any::<Vec<u8>>(), file in 0..3_usize) {
            let mut bytes = [STAT, "Name:\tx\nUid:\t1000\t0\t0\t0\n", "MemTotal: 24 kB\n"][file].as_bytes().to_vec();
            let place = place.index(bytes.len());
            bytes.splice(place..(place + with.len() / 2).min(bytes.len()), with);
            let _ = stat(&bytes);
            let _ = real_uid(&bytes);
            let _ = memory(&bytes, "MemTotal:");
            prop_assert!(arguments(&bytes).iter().count() <= bytes.len() + 1);
        }

        #[test]
        fn process_name_changes_no_field(name in any::<Vec<u8>>()) {
            let mut bytes = b"7 (".to_vec();
            bytes.extend(name);
            bytes.extend(&STAT.as_bytes()[4..]);
            prop_assert_eq!(stat(&bytes), Some(READ));
        }
    }
}
