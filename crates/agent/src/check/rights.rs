//! Access that the agent's account lacks, and the readings that are missing without it. None of it requires root.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, Group, Uid, User, access, geteuid};
use telemetry::snapshot::Snapshot;

/// Describes the account.
pub(super) fn account() -> String {
    let uid = geteuid();
    if uid.is_root() {
        return "root, which is not needed: any account that can run nvidia-smi can run the agent".into();
    }
    let name = User::from_uid(uid).ok().flatten().map_or_else(|| "account without a name".into(), |user| user.name);
    format!("{name} (uid {uid})")
}

/// Lists what the account cannot access, each with its fix: devices, other accounts' processes, single readings.
pub(super) fn missing(dev: &Path, proc: &Path, snapshot: Option<&Snapshot>) -> Vec<String> {
    // Without the folder there are no devices.
    let mut missing = devices(dev).unwrap_or_default();
    missing.extend(absent(dev, proc));
    missing.extend(snapshot.and_then(|snapshot| closed_mig_monitor(dev, proc, snapshot)));
    if let Some(snapshot) = snapshot {
        missing.extend(snapshot.host.notes.iter().cloned());
        missing.extend(denied(snapshot));
    }
    missing
}

/// Device files that the account cannot open. If there are none at all, the driver's error says more.
fn devices(folder: &Path) -> io::Result<Vec<String>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .filter(|entry| is_device_name(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let closed = files.iter().filter(|path| access(path.as_path(), AccessFlags::R_OK | AccessFlags::W_OK).is_err());
    Ok(closed.filter_map(|path| closed_device(path)).collect())
}

/// GPUs without a device file. The driver does not create them: nvidia-persistenced does, a udev rule, or the library
/// through a setuid program, which a sandbox blocks.
fn absent(dev: &Path, proc: &Path) -> Vec<String> {
    let gpus = fs::read_dir(proc.join("driver/nvidia/gpus")).into_iter().flatten().flatten();
    let mut minors: Vec<u32> = gpus.filter_map(|gpu| number(&gpu.path().join("information"), "Device Minor")).collect();
    minors.sort_unstable();
    let absent = minors.into_iter().map(|minor| (minor, dev.join(format!("nvidia{minor}"))));
    let absent = absent.filter(|(_, file)| !file.exists());
    absent
        .map(|(minor, file)| {
            format!(
                "{} does not exist, although the driver has that GPU; create it with `nvidia-modprobe -c {minor}` as root, or \
                 run nvidia-persistenced, which does at each boot",
                file.display()
            )
        })
        .collect()
}

/// Describes the capability file for monitoring MIG instances, if there are any and it cannot be opened.
fn closed_mig_monitor(dev: &Path, proc: &Path, snapshot: &Snapshot) -> Option<String> {
    snapshot.gpus.iter().find(|gpu| gpu.mig.as_ref().is_ok_and(|instances| !instances.is_empty()))?;
    let capability = proc.join("driver/nvidia/capabilities/mig/monitor");
    let file = dev.join(format!("nvidia-caps/nvidia-cap{}", number(&capability, "DeviceFileMinor")?));
    access(file.as_path(), AccessFlags::R_OK).err()?;
    Some(format!(
        "this account cannot open {}, so some readings of MIG instances are missing; create it with \
         `nvidia-modprobe -f {}` as root, and make it readable with `chmod a+r`",
        file.display(),
        capability.display()
    ))
}

/// Reads the number after a name and a colon, in one of the driver's files.
fn number(file: &Path, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim().parse().ok())
}

/// Recognizes the files that NVML opens: `nvidiactl`, and one per GPU.
fn is_device_name(name: &str) -> bool {
    let rest = name.strip_prefix("nvidia");
    rest.is_some_and(|rest| rest == "ctl" || (!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())))
}

/// Describes a device file that cannot be opened, with the fix.
fn closed_device(path: &Path) -> Option<String> {
    let file = fs::metadata(path).ok()?;
    let kind = if file.file_type().is_char_device() { "" } else { " (which is not a device)" };
    let (mode, owner, group) = (file.mode() & 0o777, owner(file.uid()), group(file.gid()));
    let shown = path.display();
    let by_group = if file.mode() & 0o060 == 0o060 && file.gid() != 0 {
        format!("run the agent in the group {group} (systemd: SupplementaryGroups={group}), or ")
    } else {
        String::new()
    };
    Some(format!(
        "this account cannot open {shown}{kind}, so the GPU cannot be read: its mode is {mode:04o}, owner {owner}:{group}; \
         {by_group}give everyone access (NVreg_DeviceFileMode=0666, an option of the nvidia module)"
    ))
}

fn owner(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

fn group(gid: u32) -> String {
    Group::from_gid(gid.into()).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name)
}

/// Readings that the driver denies this account, with equal ones of several GPUs in one line.
fn denied(snapshot: &Snapshot) -> Vec<String> {
    let mut denied: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (gpu, readings) in server::denied(snapshot) {
        let gpu = gpu.to_string();
        match denied.iter_mut().find(|(known, _)| *known == readings) {
            Some((_, gpus)) => gpus.push(gpu),
            None => denied.push((readings, vec![gpu])),
        }
    }
    denied
        .into_iter()
        .map(|(readings, gpus)| {
            let what = if readings.is_empty() { "anything".into() } else { readings.join(", ") };
            format!("the driver denies this account {what} of GPU {}; root may be permitted", gpus.join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn device_files_checked_are_those_opened() {
        for (name, counts) in [
            ("nvidiactl", true),
            ("nvidia0", true),
            ("nvidia15", true),
            ("nvidia", false),
            ("nvidia-uvm", false),
            ("nvidia-caps", false),
            ("nvidia0a", false),
            ("nvidia-modeset", false),
        ] {
            assert_eq!(is_device_name(name), counts, "{name}");
        }
    }

    #[test]
    fn device_file_missing_reported_with_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let (dev, proc) = (folder.path().join("dev"), folder.path().join("proc"));
        fs::create_dir(&dev).unwrap();
        for (minor, address) in ["0000:17:00.0", "0000:65:00.0"].iter().enumerate() {
            let gpu = proc.join("driver/nvidia/gpus").join(address);
            fs::create_dir_all(&gpu).unwrap();
            let text =
                format!("Model: \t\t NVIDIA H200\nIRQ:   \t\t 5\nDevice Minor: \t {minor}\nGPU Excluded:\t No\n");
            fs::write(gpu.join("information"), text).unwrap();
        }
        fs::write(dev.join("nvidia0"), "").unwrap();
        let missing = absent(&dev, &proc);
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert!(
            missing[0].contains("nvidia1 does not exist") && missing[0].contains("nvidia-modprobe -c 1"),
            "{missing:?}"
        );
        assert_eq!(absent(&dev, Path::new("/no/such")), Vec::<String>::new());
    }

    #[test]
    fn device_file_denied_reported_with_mode_and_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nvidia0");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let warning = closed_device(&path).unwrap();
        for part in ["nvidia0", "0600", "cannot open", "NVreg_DeviceFileMode"] {
            assert!(warning.contains(part), "{warning:?} lacks {part:?}");
        }
        assert!(devices(folder.path()).unwrap().is_empty(), "its owner can open it");
        assert!(devices(Path::new("/no/such/folder")).is_err());
    }
}
