//! An agent that runs already, beside which nothing is to be tried that it does.

use crate::{cli::Cli, config, health, service};

/// What is known of it.
#[derive(Debug)]
pub(super) struct Running {
    /// What the one that serves there says of its GPUs: whether they are read, and its state.
    readiness: Option<(bool, String)>,
    /// Whether the installed service runs, wherever it serves.
    service: bool,
}

impl Running {
    /// Asks whoever serves where these options say.
    pub(super) fn find(cli: &Cli) -> Self {
        Self {
            readiness: health::readiness(&cli.options),
            // Who has the directory as his own is the service, or stands for it.
            service: config::runtime_directory().is_none() && service::runs(),
        }
    }

    /// Whether one serves where these options say.
    pub(super) const fn serves(&self) -> bool {
        self.readiness.is_some()
    }

    /// Whether the driver is another's to read.
    pub(super) const fn keeps_the_driver(&self) -> bool {
        self.serves() || self.service
    }

    /// What is said of the driver then; the error is a problem.
    pub(super) fn driver(&self) -> Option<Result<String, String>> {
        match &self.readiness {
            Some((true, state)) => Some(Ok(format!("read by the agent that runs: {state}"))),
            Some((false, state)) if state == "released" => {
                Some(Ok("released by the agent that runs, and so not tried".into()))
            }
            Some((false, state)) => {
                Some(Err(format!("the agent that runs does not read the GPUs: its state is {state}; its log says why")))
            }
            None if self.service => Some(Ok(
                "not tried, since the service runs; `nvidia-smi-web-agent health --gpus` asks it as root".into(),
            )),
            None => None,
        }
    }
}
