//! `/api/v1/find` over all hosts.

use std::borrow::Cow;

use telemetry::{
    BootTime,
    find::{self, Answer, Request},
};

use crate::{
    fleet::{HostRow, Published},
    report::Source,
    target::is_ssh_host,
};

/// The devices that fit a request at this time, or the hosts that nearly have them.
pub(crate) fn find<'a>(published: &'a Published, request: &Request, now: BootTime) -> Answer<'a> {
    published.note_search();
    let hosts: Vec<find::Host<'_>> = published.hosts.iter().map(|row| host(row, now)).collect();
    find::find(request, &hosts)
}

fn host(row: &HostRow, now: BootTime) -> find::Host<'_> {
    find::Host {
        name: row.name(),
        labels: &row.target.labels,
        devices: row.devices(),
        command: ssh_host(row).map(|host| Cow::Owned(format!("ssh {host}"))),
        is_current: row.is_current(now),
        comes_last: row.source() == Some(Source::Original),
    }
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
