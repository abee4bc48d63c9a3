//! `/api/v1/find` over all hosts.

use telemetry::{
    BootTime,
    find::{Answer, Request},
};

use crate::{
    fleet::{HostRow, Published},
    target::is_ssh_host,
};

/// The devices that fit a request at this time, or the hosts that nearly have them.
pub(crate) fn find<'a>(published: &'a Published, request: &Request, now: BootTime) -> Answer<'a> {
    let mut answer = published.search(request, now);
    for choice in &mut answer.choices {
        let host = published.find(choice.host).and_then(|row| ssh_host(row));
        choice.command = host.map(|host| format!("ssh {host}"));
    }
    answer
}

/// Name for a command that is copied into a shell: the label of that name, else the host's own, without a port.
fn ssh_host(row: &HostRow) -> Option<&str> {
    let name: &str = row.name();
    let without_port = name
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(name, |(host, _)| host);
    row.target.ssh_host.as_deref().into_iter().chain([without_port]).find(|name| is_ssh_host(name))
}
