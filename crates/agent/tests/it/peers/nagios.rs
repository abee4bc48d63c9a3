//! Nagios Core, NRPE and `negate` of the Monitoring Plugins.

use std::process::Command;

use nix::unistd::{Group, User, getegid, geteuid};

use super::{Room, SICK, SICK_VERDICT};
use crate::support::{Agent, Driver, Start, eventually, free_port};

fn sick() -> (Driver, Agent) {
    let driver = Driver::new(SICK);
    let agent = Start::on(&driver).serve().ready();
    let start =
        || Start::bare().argument("health").argument("--gpus").variable("PORT", &agent.address().port().to_string());
    eventually("the verdict", || start().finish().1.starts_with(SICK_VERDICT).then_some(()));
    (driver, agent)
}

/// A check of a port, as a command line.
fn check(room: &Room, port: u16) -> String {
    format!("/usr/bin/env PORT={port} NVSMI_SERVICE_FILE=/nonexistent {} health --gpus", room.agent().display())
}

/// Name of this account and its group.
fn account() -> (String, String) {
    let user = User::from_uid(geteuid()).unwrap().unwrap().name;
    (user, Group::from_gid(getegid()).unwrap().unwrap().name)
}

const CONFIGURATION: &str = "log_file=FOLDER/nagios.log
cfg_file=FOLDER/objects.cfg
object_cache_file=FOLDER/objects.cache
precached_object_file=FOLDER/objects.precache
status_file=FOLDER/status.dat
status_update_interval=1
check_external_commands=0
command_file=FOLDER/commands
query_socket=FOLDER/query
lock_file=FOLDER/lock
temp_file=FOLDER/temporary
temp_path=FOLDER
check_result_path=FOLDER/spool
use_syslog=0
interval_length=1
check_for_updates=0
check_result_reaper_frequency=1
enable_notifications=0
";

const OBJECTS: &str = "define timeperiod {
 timeperiod_name always
 alias always
 sunday 00:00-24:00
 monday 00:00-24:00
 tuesday 00:00-24:00
 wednesday 00:00-24:00
 thursday 00:00-24:00
 friday 00:00-24:00
 saturday 00:00-24:00
}
define command {
 command_name nothing
 command_line /bin/echo nothing
}
define contact {
 contact_name me
 service_notification_commands nothing
 host_notification_commands nothing
 service_notification_period always
 host_notification_period always
}
define host {
 host_name gpu01
 address 127.0.0.1
 check_command nothing
 max_check_attempts 1
 check_interval 60
 check_period always
 contacts me
 notification_period always
}
";

fn service(name: &str, line: &str) -> String {
    format!(
        "define command {{\n command_name {name}\n command_line {line}\n}}\ndefine service {{\n host_name gpu01\n \
         service_description {name}\n check_command {name}\n max_check_attempts 1\n check_interval 1\n retry_interval 1\n \
         check_period always\n contacts me\n notification_period always\n}}\n"
    )
}

/// A value of a service in Nagios's status.
fn value(status: &str, service: &str, key: &str) -> Option<String> {
    let blocks = status.split("servicestatus {").skip(1);
    let mut of_service = blocks.filter(|block| block.contains(&format!("service_description={service}\n")));
    let line =
        of_service.next()?.lines().find_map(|line| line.trim().strip_prefix(&format!("{key}=")).map(str::to_owned));
    line.filter(|line| !line.is_empty())
}

#[test]
fn nagios_reads_verdict_lines_and_performance_data() {
    let (_driver, agent) = sick();
    let mut room = Room::new("nagios");
    let (user, group) = account();
    room.folder("spool");
    let services =
        service("sick", &check(&room, agent.address().port())) + &service("down", &check(&room, free_port()));
    room.write("objects.cfg", &format!("{OBJECTS}{services}"), 0o644);
    let file = room.write("nagios.cfg", &format!("{CONFIGURATION}nagios_user={user}\nnagios_group={group}\n"), 0o644);
    let mut command = room.command("usr/sbin/nagios4");
    room.start(command.arg(file), "output.log");
    let of = |service: &str, key: &str| eventually(key, || value(&room.read("status.dat"), service, key));
    assert_eq!(of("sick", "plugin_output"), SICK_VERDICT);
    assert_eq!(of("sick", "current_state"), "2");
    let text = of("sick", "long_plugin_output");
    assert!(text.contains("0  ok        NVIDIA H200\\n") && text.contains("(Have the GPU replaced)"), "{text}");
    let data = of("sick", "performance_data");
    assert_eq!(
        data.split_whitespace().collect::<Vec<_>>(),
        [
            "ok=1;;;0;2",
            "warning=0;0;;0;2",
            "unknown=0;;;0;2",
            "critical=1;;0;0;2",
            "gpu0_memory_used=0B;;;0;1048576000",
            "gpu0_power_watts=1.0;;;0",
            "gpu1_power_watts=2.0;;;0",
        ]
    );
    let text = of("down", "plugin_output");
    assert!(text.starts_with("GPU UNKNOWN - no agent listens on http://127.0.0.1:"), "{text}");
    assert_eq!(of("down", "current_state"), "3");
}

#[test]
fn nrpe_passes_on_everything() {
    let (_driver, agent) = sick();
    let mut room = Room::new("nagios");
    let port = free_port();
    // It refuses to be root.
    let (user, group) = if geteuid().is_root() { ("nobody".into(), "nogroup".into()) } else { account() };
    let text = format!(
        "log_file=FOLDER/nrpe.log\npid_file=FOLDER/nrpe.pid\nserver_port={port}\nserver_address=127.0.0.1\nnrpe_user={user}\n\
         nrpe_group={group}\nallowed_hosts=127.0.0.1\ncommand[sick]={}\ncommand[down]={}\n",
        check(&room, agent.address().port()),
        check(&room, free_port()),
    );
    let file = room.write("nrpe.cfg", &text, 0o644);
    let mut command = room.command("usr/sbin/nrpe");
    room.start(command.args(["-n", "-f", "-c"]).arg(file), "output.log");
    let ask = |name: &str| {
        let mut command = room.command("usr/lib/nagios/plugins/check_nrpe");
        let output = command.args(["-n", "-H", "127.0.0.1", "-p", &port.to_string(), "-c", name]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, text) = eventually("NRPE", || Some(ask("sick")).filter(|(_, text)| text.starts_with("GPU ")));
    assert!(status == 2 && text.starts_with(SICK_VERDICT) && text.contains("gpu1_power_watts=2.0"), "{text}");
    let (status, text) = ask("down");
    assert!(status == 3 && text.starts_with("GPU UNKNOWN - no agent listens"), "{text}");
}

#[test]
fn negate_replaces_the_status_word() {
    let (_driver, agent) = sick();
    let room = Room::new("nagios");
    let mut command: Command = room.command("usr/lib/nagios/plugins/negate");
    command.arg("-s").arg(room.agent()).args(["health", "--gpus"]);
    command.env("PORT", agent.address().port().to_string()).env("NVSMI_SERVICE_FILE", "/nonexistent");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), text.lines().next().unwrap().split(" | ").next()),
        (Some(0), Some("GPU OK - 1: row remap failed (2 GPUs)")),
        "{text}"
    );
}
