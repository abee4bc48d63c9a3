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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_80_columns() {
        for line in AFTER_HELP.lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
