//! Process lists in three layouts, and utilization by process.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::{Fake, Handle};

type List = unsafe extern "C" fn(Handle, *mut u32, *mut u8) -> u32;

const SENTINEL: u8 = 0xa5;

/// Return code, count and bytes of a list; bytes that were not written are the sentinel.
fn list(fake: &Fake, name: &str, room: usize, mut count: u32) -> (u32, u32, Vec<u8>) {
    let function: List = fake.function(name);
    let mut buffer = vec![u64::from_ne_bytes([SENTINEL; 8]); room.div_ceil(8)];
    // SAFETY: the tests pass a buffer for `count` entries.
    let code = unsafe { function(fake.handle(0), &raw mut count, buffer.as_mut_ptr().cast()) };
    (code, count, buffer.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

fn scenario(layout: usize) -> String {
    format!(
        "process_layout = {layout}\n[[gpu]]\n[[gpu.process]]\npid = 258\nmemory_bytes = 4328719365\ngpu_instance = 5\n\
         compute_instance = 6\n[[gpu.process]]\npid = 259\ntype = \"C+G\"\n[[gpu.process]]\npid = 260\ntype = \"G\"\n"
    )
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[test]
fn v3_list_has_the_layout_of_the_scenario() {
    let layouts = [
        (16, "02010000 a5a5a5a5 0504030201000000", "03010000 a5a5a5a5 ffffffffffffffff"),
        (
            24,
            "02010000 a5a5a5a5 0504030201000000 05000000 06000000",
            "03010000 a5a5a5a5 ffffffffffffffff ffffffff ffffffff",
        ),
        (
            32,
            "02010000 a5a5a5a5 0504030201000000 05000000 06000000 0000000000000000",
            "03010000 a5a5a5a5 ffffffffffffffff ffffffff ffffffff 0000000000000000",
        ),
    ];
    for (layout, first, second) in layouts {
        let fake = Fake::play(&scenario(layout));
        let (code, count, written) = list(&fake, "nvmlDeviceGetComputeRunningProcesses_v3", 32 * 4, 4);
        assert_eq!((code, count), (0, 2), "layout {layout}");
        let expected = [bytes(first), bytes(second)].concat();
        assert_eq!(written[..expected.len()], expected, "layout {layout}");
        assert!(written[expected.len()..].iter().all(|byte| *byte == SENTINEL), "layout {layout} writes no more");
    }
}

#[test]
fn older_lists_have_one_layout() {
    let fake = Fake::play(&scenario(32));
    let (_, _, first) = list(&fake, "nvmlDeviceGetComputeRunningProcesses", 96, 3);
    assert_eq!(first[16..20], [3, 1, 0, 0], "the second entry of 16 bytes");
    assert_eq!(first[32], SENTINEL);
    let (_, _, second) = list(&fake, "nvmlDeviceGetComputeRunningProcesses_v2", 96, 3);
    assert_eq!(second[24..28], [3, 1, 0, 0], "the second entry of 24 bytes");
    assert_eq!(second[48], SENTINEL);
}

#[test]
fn process_of_both_types_is_in_both_lists() {
    let fake = Fake::play(&scenario(24));
    let (code, count, written) = list(&fake, "nvmlDeviceGetGraphicsRunningProcesses_v3", 96, 4);
    assert_eq!((code, count), (0, 2));
    assert_eq!((&written[..2], &written[24..26]), (&[3, 1][..], &[4, 1][..]));
    assert_eq!(list(&fake, "nvmlDeviceGetMPSComputeRunningProcesses_v3", 96, 4).1, 0);
    let shared = Fake::play("[[gpu]]\n[[gpu.process]]\npid = 258\ntype = \"M\"\n[[gpu.process]]\npid = 259\n");
    let pid = |name: &str| {
        let (code, count, written) = list(&shared, name, 96, 4);
        (code, count, written[..2].to_vec())
    };
    assert_eq!(
        pid("nvmlDeviceGetMPSComputeRunningProcesses_v3"),
        (0, 1, vec![2, 1]),
        "clients stand in a list of their own"
    );
    assert_eq!(pid("nvmlDeviceGetComputeRunningProcesses_v3"), (0, 1, vec![3, 1]));
}

#[test]
fn a_list_that_does_not_fit_tells_its_size() {
    let fake = Fake::play(&scenario(24));
    let function: List = fake.function("nvmlDeviceGetComputeRunningProcesses_v3");
    let mut count = 0;
    // SAFETY: with a count of 0, the library must not dereference the pointer.
    assert_eq!(unsafe { function(fake.handle(0), &raw mut count, std::ptr::null_mut()) }, 7);
    assert_eq!(count, 2);
    // SAFETY: the library must reject a null pointer with a count.
    assert_eq!(unsafe { function(fake.handle(0), &raw mut count, std::ptr::null_mut()) }, 2);
    let (code, count, written) = list(&fake, "nvmlDeviceGetComputeRunningProcesses_v3", 24, 1);
    assert_eq!((code, count), (7, 2));
    assert!(written.iter().all(|byte| *byte == SENTINEL), "nothing is written");
    let empty = Fake::play("[[gpu]]\n");
    assert_eq!(list(&empty, "nvmlDeviceGetComputeRunningProcesses_v3", 0, 0).0, 0, "an empty list needs no buffer");
}

#[test]
fn list_grows_between_calls() {
    let text = scenario(24)
        + "[[fault]]\nfunction = \"nvmlDeviceGetComputeRunningProcesses_v3\"\ninsufficient_size_times = 2\n";
    let fake = Fake::play(&text);
    let mut room = 2;
    let mut codes = Vec::new();
    for _ in 0..3 {
        let (code, count, _) = list(&fake, "nvmlDeviceGetComputeRunningProcesses_v3", room as usize * 24, room);
        codes.push((code, count));
        room = count;
    }
    assert_eq!(codes, [(7, 3), (7, 4), (0, 2)]);
}

#[test]
fn list_of_ten_thousand_processes() {
    let fake = Fake::play("[[gpu]]\n[[gpu.process]]\nfirst_pid = 100000\ncount = 10000\nmemory_bytes = 5\n");
    let (code, count, written) = list(&fake, "nvmlDeviceGetComputeRunningProcesses_v3", 24 * 10_000, 10_000);
    assert_eq!((code, count), (0, 10_000));
    let last: [u8; 4] = written[24 * 9_999..][..4].try_into().unwrap();
    assert_eq!(u32::from_ne_bytes(last), 109_999);
}

#[test]
fn processes_are_found_by_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
    let start = |argument: &str| {
        let program = env!("CARGO_BIN_EXE_stand-in");
        Command::new(program).args(["train.py", argument]).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut jobs = [start(&mark), start(&mark), start("other")];
    let part = format!("train.py {mark}");
    let fake = Fake::play(&format!("[[gpu]]\n[[gpu.process]]\ncommand = \"{part}\"\n"));
    let (code, count, written) = list(&fake, "nvmlDeviceGetComputeRunningProcesses_v3", 240, 10);
    let pid = |place: usize| u32::from_ne_bytes(written[place * 24..][..4].try_into().unwrap());
    let mut expected = [jobs[0].id(), jobs[1].id()];
    expected.sort_unstable();
    let listed = [pid(0), pid(1)];
    let one = Fake::play(&format!("[[gpu]]\n[[gpu.process]]\ncommand = \"{part}\"\nlimit = 1\n"));
    let limited = list(&one, "nvmlDeviceGetComputeRunningProcesses_v3", 240, 10).1;
    for job in &mut jobs {
        job.kill().unwrap();
        job.wait().unwrap();
    }
    assert_eq!((code, count), (0, 2));
    assert_eq!(listed, expected);
    assert_eq!(limited, 1);
}

#[test]
fn stand_in_ends_with_its_parent() {
    let stand_in = env!("CARGO_BIN_EXE_stand-in");
    let shell = |before: &str| {
        let script = format!("{before} {stand_in} x >/dev/null 2>&1 & echo $!; sleep 1");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let is_alive = |pid: &str| {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    };
    let (ends, stays) = (shell(""), shell("STAND_IN_KEEP=1"));
    std::thread::sleep(std::time::Duration::from_millis(200));
    let outcome = (is_alive(&ends), is_alive(&stays));
    Command::new("kill").arg(&stays).status().unwrap();
    assert_eq!(outcome, (false, true));
}

/// Entry of `nvmlDeviceGetProcessUtilization`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sample {
    pid: u32,
    at_us: u64,
    shares: [u32; 4],
}

#[test]
fn process_utilization_has_samples() {
    let fake = Fake::play(
        "[[gpu]]\n[[gpu.process]]\npid = 9\nsm_percent = 37100\nmemory_percent = 4\n[[gpu.process]]\npid = 8\n[[gpu]]\n",
    );
    let function: unsafe extern "C" fn(Handle, *mut Sample, *mut u32, u64) -> u32 =
        fake.function("nvmlDeviceGetProcessUtilization");
    let (mut count, mut samples) = (0, [Sample::default(); 100]);
    let gpu = fake.handle(0);
    // SAFETY: the library writes at most `count` entries.
    unsafe {
        assert_eq!(function(gpu, std::ptr::null_mut(), &raw mut count, 0), 7);
        assert_eq!(count, 100, "the usual capacity");
        assert_eq!(function(gpu, samples.as_mut_ptr(), &raw mut count, 0), 0);
        assert_eq!(count, 1, "a process without a share has no sample");
        assert_eq!((samples[0].pid, samples[0].shares), (9, [37_100, 4, 0, 0]));
        assert!(samples[0].at_us > 1_700_000_000_000_000, "{}", samples[0].at_us);
        count = 100;
        assert_eq!(
            function(gpu, samples.as_mut_ptr(), &raw mut count, samples[0].at_us + 10_000_000),
            6,
            "no newer sample"
        );
        assert_eq!(function(fake.handle(1), samples.as_mut_ptr(), &raw mut count, 0), 6, "an idle GPU");
    }
}
