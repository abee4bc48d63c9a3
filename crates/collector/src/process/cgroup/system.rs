//! System containers: those of LXC, Incus, LXD and Proxmox, and of systemd-nspawn. They have an init and accounts of
//! their own, and their names are free, so only their usual places count, where root alone creates cgroups: directly
//! below the root of the hierarchy or of another system container.

use telemetry::sample::Container;

use super::named;

/// Returns the system container whose path begins at this segment, and the position of the first segment in it.
pub(super) fn container(segments: &[&str], start: usize) -> Option<(Container, usize)> {
    // The path of another cgroup namespace begins with `..`, and Proxmox puts all of a container into `ns`.
    let ignored = |segment: &&&str| start == 0 && matches!(**segment, "" | "..") || start > 0 && **segment == "ns";
    let skipped = segments.iter().skip(start).take_while(ignored).count();
    let at = start + skipped;
    let (name, runtime, length) = match segments.get(at..)? {
        ["lxc.payload" | "lxc", name, ..] => ((*name).to_owned(), "lxc", 2),
        ["machine.slice", unit, "payload", ..] => (machine(unit)?, "systemd-nspawn", 3),
        [first, ..] => (first.strip_prefix("lxc.payload.")?.to_owned(), "lxc", 1),
        [] => return None,
    };
    (!name.is_empty()).then(|| (named(&name, runtime), at + length))
}

/// Returns the machine's name in a unit: `systemd-nspawn@NAME.service`, or `machine-NAME.scope` if nspawn was not
/// started by systemd.
fn machine(unit: &str) -> Option<String> {
    let service = unit.strip_prefix("systemd-nspawn@").and_then(|rest| rest.strip_suffix(".service"));
    let name = service.or_else(|| unit.strip_prefix("machine-")?.strip_suffix(".scope"))?;
    Some(unescaped(name))
}

/// Resolves systemd's escapes of bytes in unit names: `\x2d` is a hyphen.
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.bytes());
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.extend(b"\\x");
                rest = after;
            }
        }
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}
