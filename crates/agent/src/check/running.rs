//! A running agent, whose ports and driver `check` must not try.

use crate::{cli::Cli, config, health, service};

/// State of the running agent and of the installed service.
#[derive(Debug)]
pub(super) struct RunningAgent {
    /// Answer of the agent at these options' address: whether it reads its GPUs, and its state.
    readiness: Option<(bool, String)>,
    /// The installed service runs, at any address.
    service: bool,
}

impl RunningAgent {
    /// Asks the agent at these options' address.
    pub(super) fn find(cli: &Cli) -> Self {
        Self {
            readiness: health::readiness(&cli.options),
            // A process that owns the runtime directory is the service, or replaces it.
            service: config::runtime_directory().is_none() && service::runs(),
        }
    }

    /// Checks whether an agent serves at these options' address.
    pub(super) const fn serves(&self) -> bool {
        self.readiness.is_some()
    }

    /// Checks whether another agent uses the driver.
    pub(super) const fn uses_driver(&self) -> bool {
        self.serves() || self.service
    }

    /// Describes the driver's state then; the error is a problem.
    pub(super) fn driver(&self) -> Option<Result<String, String>> {
        match &self.readiness {
            Some((true, state)) => Some(Ok(format!("read by the running agent: {state}"))),
            Some((false, state)) if state == "released" => {
                Some(Ok("released by the running agent, so not tried".into()))
            }
            Some((false, state)) => {
                Some(Err(format!("the running agent does not read the GPUs: its state is {state}; see its log")))
            }
            None if self.service => {
                Some(Ok("not tried, because the service runs; use `nvidia-smi-web-agent health --gpus` as root".into()))
            }
            None => None,
        }
    }
}
