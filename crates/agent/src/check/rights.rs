//! What the account that the agent runs as may not do, and what is missing thereby. None of it needs root.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, Group, Uid, User, access, geteuid};
use telemetry::snapshot::Snapshot;

/// Who it is.
pub(super) fn account() -> String {
    let uid = geteuid();
    if uid.is_root() {
        return "root, which it does not need: whoever may run nvidia-smi may run it".into();
    }
    let name = User::from_uid(uid).ok().flatten().map_or_else(|| "an account without a name".into(), |user| user.name);
    format!("{name} (uid {uid})")
}

/// All that the account may not see, each with the remedy: devices, other people's processes, single readings.
pub(super) fn missing(dev: &Path, proc: &Path, snapshot: Option<&Snapshot>) -> Vec<String> {
    // A host without a folder of devices has none in it either.
    let mut missing = devices(dev).unwrap_or_default();
    missing.extend(absent(dev, proc));
    missing.extend(snapshot.and_then(|snapshot| closed_to_mig(dev, proc, snapshot)));
    if let Some(snapshot) = snapshot {
        missing.extend(snapshot.host.notes.iter().cloned());
        missing.extend(denied(snapshot));
    }
    missing
}

/// The driver's files that the account may not open. Where there is none at all, what the driver says is the better
/// word.
fn devices(folder: &Path) -> io::Result<Vec<String>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .filter(|entry| is_the_drivers(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let closed = files.iter().filter(|path| access(path.as_path(), AccessFlags::R_OK | AccessFlags::W_OK).is_err());
    Ok(closed.filter_map(|path| remedy(path)).collect())
}

/// The files of GPUs that the driver has and nobody has made a file for. The driver makes none by itself; what makes them
/// is nvidia-persistenced, a rule of udev, or the library by a program of root's, which a sandbox does not let it start.
fn absent(dev: &Path, proc: &Path) -> Vec<String> {
    let gpus = fs::read_dir(proc.join("driver/nvidia/gpus")).into_iter().flatten().flatten();
    let mut minors: Vec<u32> = gpus.filter_map(|gpu| number(&gpu.path().join("information"), "Device Minor")).collect();
    minors.sort_unstable();
    let absent = minors.into_iter().map(|minor| (minor, dev.join(format!("nvidia{minor}"))));
    let absent = absent.filter(|(_, file)| !file.exists());
    absent
        .map(|(minor, file)| {
            format!(
                "{} is not there, though the driver has that GPU: `nvidia-modprobe -c {minor}` as root makes it, and \
                 nvidia-persistenced does at each boot",
                file.display()
            )
        })
        .collect()
}

/// The file that lets MIG instances be monitored, where there are any and it is closed.
fn closed_to_mig(dev: &Path, proc: &Path, snapshot: &Snapshot) -> Option<String> {
    snapshot.gpus.iter().find(|gpu| gpu.mig.as_ref().is_ok_and(|instances| !instances.is_empty()))?;
    let capability = proc.join("driver/nvidia/capabilities/mig/monitor");
    let file = dev.join(format!("nvidia-caps/nvidia-cap{}", number(&capability, "DeviceFileMinor")?));
    access(file.as_path(), AccessFlags::R_OK).err()?;
    Some(format!(
        "{} cannot be opened by this account, so that not all is told of MIG instances: `nvidia-modprobe -f {}` as root \
         makes it, and `chmod a+r` lets it be read",
        file.display(),
        capability.display()
    ))
}

/// The number after a name and a colon, in a file of the driver's.
fn number(file: &Path, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim().parse().ok())
}

/// What NVML opens: `nvidiactl`, and one for each GPU. Those for other uses are not needed.
fn is_the_drivers(name: &str) -> bool {
    let rest = name.strip_prefix("nvidia");
    rest.is_some_and(|rest| rest == "ctl" || (!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())))
}

fn remedy(path: &Path) -> Option<String> {
    let file = fs::metadata(path).ok()?;
    let kind = if file.file_type().is_char_device() { "" } else { " (which is no device)" };
    let (mode, owner, group) = (file.mode() & 0o777, owner(file.uid()), group(file.gid()));
    let shown = path.display();
    let by_group = if file.mode() & 0o060 == 0o060 && file.gid() != 0 {
        format!("run the agent in the group {group} (systemd: SupplementaryGroups={group}), or ")
    } else {
        String::new()
    };
    Some(format!(
        "{shown}{kind} cannot be opened by this account, so that the GPU cannot be read: its mode is {mode:04o}, of \
         {owner}:{group}; {by_group}let everybody (NVreg_DeviceFileMode=0666, an option of the module nvidia)"
    ))
}

fn owner(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

fn group(gid: u32) -> String {
    Group::from_gid(gid.into()).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name)
}

/// What the driver refuses to tell this account, the same of several GPUs at once.
fn denied(snapshot: &Snapshot) -> Vec<String> {
    let mut told: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (gpu, readings) in server::denied(snapshot) {
        let gpu = gpu.to_string();
        match told.iter_mut().find(|(known, _)| *known == readings) {
            Some((_, gpus)) => gpus.push(gpu),
            None => told.push((readings, vec![gpu])),
        }
    }
    told.into_iter()
        .map(|(readings, gpus)| {
            let what = if readings.is_empty() { "anything".into() } else { readings.join(", ") };
            format!("the driver does not tell this account of GPU {}: {what}; it may tell root", gpus.join(", "))
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
            assert_eq!(is_the_drivers(name), counts, "{name}");
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
        let told = absent(&dev, &proc);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("nvidia1 is not there") && told[0].contains("nvidia-modprobe -c 1"), "{told:?}");
        assert_eq!(absent(&dev, Path::new("/no/such")), Vec::<String>::new());
    }

    #[test]
    fn device_file_denied_reported_with_mode_and_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nvidia0");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let told = remedy(&path).unwrap();
        for part in ["nvidia0", "0600", "cannot be opened", "NVreg_DeviceFileMode"] {
            assert!(told.contains(part), "{told:?} lacks {part:?}");
        }
        assert!(devices(folder.path()).unwrap().is_empty(), "its owner may");
        assert!(devices(Path::new("/no/such/folder")).is_err());
    }
}
