//! File systems that several hosts share.

use std::path::Path;

use nix::sys::statfs::statfs;

/// Magic numbers of network file systems, as in Linux' `magic.h` and their sources.
const NETWORK: [(i64, &str); 13] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x517b, "SMB"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x5346_414f, "AFS"),
    (0x7461_636f, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x6573_5546, "FUSE"),
];

/// Name of the network file system of a path; none if it is local, or unknown. FUSE may be either.
pub(super) fn network_file_system(path: &Path) -> Option<&'static str> {
    // The path may not exist yet.
    let existing = path.ancestors().find(|part| part.exists())?;
    let kind = statfs(existing).ok()?.filesystem_type().0;
    // The kernel's number has 32 bits.
    name(kind & 0xffff_ffff)
}

fn name(kind: i64) -> Option<&'static str> {
    NETWORK.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known() {
        assert_eq!(name(0x6969), Some("NFS"));
        assert_eq!(name(0xff53_4d42), Some("CIFS"));
        assert_eq!(name(0xef53), None, "ext4");
        assert_eq!(network_file_system(Path::new("/proc/no/such/file")), None);
    }
}
