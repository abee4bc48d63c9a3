//! Text after the options of `--help`.

/// Text after the options. Lines of at most 80 characters, since longer ones are wrapped without their indentation.
pub(super) const AFTER_HELP: &str = "\
Token:
  TOKEN=...  Clients must send this token in the Authorization header, alone or
             after 'Bearer '. Set it as an environment variable or in .env;
             there is no flag, because every user of the host can read flags.
             If it is empty or unset, everyone who can reach the API can use it.

Examples:
  nvidia-smi-web-agent
      serve on port 8000
  PORT=9000 TOKEN=secret nvidia-smi-web-agent
      serve on port 9000, with a token
  nvidia-smi-web-agent check
      print the configuration and its problems
  nvidia-smi-web-agent health --gpus
      check every GPU, for cron and Nagios
  nvidia-smi-web-agent health --drain
      drain the Slurm node of a critical GPU
  nvidia-smi-web-agent capture --output bug.toml
      record the driver's answers, for a bug report
  nvidia-smi-web-agent release --for 10m
      release the GPUs, to reset one or to upgrade the driver
  nvidia-smi-web-agent hub --hosts static:gpu01:8000,gpu02:8000
      show several hosts on one page, on port 8080
  curl 'localhost:8000/status?idx=0'
      get the first GPU and its processes";

/// The same for `hub`.
pub(super) const AFTER_HUB_HELP: &str = "\
Token:
  TOKEN=...  Viewers must send this token in the Authorization header, alone or
             after 'Bearer '. Set it as an environment variable or in .env;
             there is no flag, because every user of the host can read flags.
             If it is empty or unset, everyone who can reach the hub can use it.

Examples:
  nvidia-smi-web-agent hub --hosts static:gpu01:8000,gpu02:8000
      show two hosts on port 8080
  nvidia-smi-web-agent hub --hosts '/etc/hosts.d/*.json'
      show the hosts in files of Prometheus' file_sd format
  nvidia-smi-web-agent hub --check --hosts hosts.json
      print the configuration, the hosts and the problems
  TOKEN=secret nvidia-smi-web-agent hub --hosts hosts.yml --agent-token-file t
      send tokens to the agents, and require one of viewers
  curl 'localhost:8080/api/v1/find?count=2&memory=40GiB'
      find two free GPUs with 40 GiB each";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_80_columns() {
        for line in AFTER_HELP.lines().chain(AFTER_HUB_HELP.lines()) {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
