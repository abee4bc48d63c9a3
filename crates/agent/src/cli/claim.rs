//! Arguments of `claim` and `unclaim`.

use std::time::Duration;

use clap::Args;
use telemetry::find::Uuid;

#[derive(Clone, Debug, Args)]
pub(crate) struct ClaimArgs {
    /// GPUs by index or UUID, and MIG instances by UUID or as GPU:PLACE (2:1)
    ///
    /// Separate several with commas. All are claimed, or none.
    #[arg(value_name = "DEVICES", value_delimiter = ',', value_parser = device, required_unless_present = "list")]
    pub(crate) devices: Vec<String>,

    /// Claim for this long, at most --claim-max of the agent [default: 4h]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with = "list")]
    pub(crate) length: Option<Duration>,

    /// Give a reason, which everyone sees
    #[arg(long, value_name = "TEXT", conflicts_with = "list")]
    pub(crate) why: Option<String>,

    /// Claim devices on which others compute, too
    #[arg(long, conflicts_with = "list")]
    pub(crate) force: bool,

    /// Change the end and the reason of your own claims
    #[arg(long, conflicts_with = "list")]
    pub(crate) renew: bool,

    /// List the claims of all users
    #[arg(long, conflicts_with = "devices")]
    pub(crate) list: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UnclaimArgs {
    /// Devices, as for `claim` [default: all that you have claimed for a time]
    #[arg(value_name = "DEVICES", value_delimiter = ',', value_parser = device)]
    pub(crate) devices: Vec<String>,
}

/// Parses the name of a device. The agent knows which there are.
fn device(value: &str) -> Result<String, String> {
    let name = value.trim();
    let is_number = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_place = name.split_once(':').is_some_and(|(gpu, place)| is_number(gpu) && is_number(place));
    let is_device = is_number(name) || is_place || Uuid::new(name).is_some();
    is_device.then(|| name.into()).ok_or_else(|| "expected an index, a UUID, or GPU:PLACE such as 2:1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_named_by_index_uuid_and_place() {
        for name in ["0", " 12 ", "2:1", "GPU-1a2b-3c", "MIG-1a2b-3c", "MIG-GPU-1a2b/3/0"] {
            assert_eq!(device(name).as_deref(), Ok(name.trim()));
        }
        for name in ["", "-1", "2:", ":1", "2:1:0", "all", "GPU-", "GPU-1;x", "00000000:18:00.0", "99999"] {
            assert!(device(name).is_err(), "{name}");
        }
    }
}
