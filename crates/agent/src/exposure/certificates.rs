//! Files of `--tls-cert`, `--tls-key` and `--tls-client-ca`.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use server::{Pem, PemFile, Tls};

use super::files::{FileState, Watched, file_states};
use crate::{notes, regular};

/// Topic of the note while a file is invalid.
const NOTE: &str = "certificates";
/// Maximum size of a file in bytes, more than any bundle of authorities takes.
const MAX_BYTES: u64 = 16 << 20;

/// Files, and the TLS configuration that they result in.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: Files,
    tls: Arc<Tls>,
    seen: Vec<FileState>,
}

#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Certificates {
    /// Reads the files; none if no option names one.
    ///
    /// # Errors
    /// A file requires another, cannot be read, or cannot be used.
    pub(super) fn open(
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
        client_ca: Option<PathBuf>,
    ) -> io::Result<Option<Self>> {
        let files = match (certificate, key, client_ca) {
            (None, None, None) => return Ok(None),
            (Some(certificate), Some(key), client_ca) => Files { certificate, key, client_ca },
            (Some(_), None, _) => return Err(io::Error::other("--tls-cert requires --tls-key, the file of its key")),
            (None, Some(_), _) => {
                return Err(io::Error::other("--tls-key requires --tls-cert, the file of its certificate"));
            }
            (None, None, Some(_)) => {
                return Err(io::Error::other("--tls-client-ca requires --tls-cert and --tls-key"));
            }
        };
        let seen = file_states(&files.paths());
        let tls = Tls::new(&files.read()?).map_err(|error| files.error(&error))?;
        Ok(Some(Self { files, tls: Arc::new(tls), seen }))
    }

    pub(super) fn tls(&self) -> Arc<Tls> {
        Arc::clone(&self.tls)
    }

    /// Checks whether clients must have a certificate.
    pub(crate) const fn requires_client_certificates(&self) -> bool {
        self.files.client_ca.is_some()
    }

    /// File of the key, if every account of this host can read it.
    pub(super) fn world_readable_key(&self) -> Option<&Path> {
        super::is_world_readable(&self.files.key).then_some(&self.files.key)
    }

    /// File of the certificate.
    pub(crate) fn path(&self) -> &Path {
        &self.files.certificate
    }

    pub(super) fn watched(&self) -> Watched {
        let (files, tls) = (self.files.clone(), Arc::clone(&self.tls));
        let read = Box::new(move || {
            let replaced = files.read().and_then(|pem| tls.replace(&pem).map_err(|error| files.error(&error)));
            match replaced {
                Ok(()) => {
                    tracing::info!(path = %files.certificate.display(), "reloaded the certificate");
                    notes::clear(NOTE);
                }
                Err(error) => {
                    tracing::error!("keeping the previous certificate: {error}");
                    notes::set(NOTE, format!("the previous TLS certificate is still used: {error}"));
                }
            }
        });
        Watched { paths: self.files.paths(), seen: self.seen.clone(), read }
    }
}

impl Files {
    fn paths(&self) -> Vec<PathBuf> {
        [&self.certificate, &self.key].into_iter().chain(&self.client_ca).cloned().collect()
    }

    fn read(&self) -> io::Result<Pem> {
        Ok(Pem {
            certificates: content(&self.certificate, "--tls-cert")?,
            key: content(&self.key, "--tls-key")?,
            client_authorities: self.client_ca.as_deref().map(|path| content(path, "--tls-client-ca")).transpose()?,
        })
    }

    /// Adds the option and the file to an error.
    fn error(&self, error: &server::TlsError) -> io::Error {
        let (option, path) = match error.file {
            PemFile::Certificates => ("--tls-cert", Some(&self.certificate)),
            PemFile::Key => ("--tls-key", Some(&self.key)),
            PemFile::ClientAuthorities => ("--tls-client-ca", self.client_ca.as_ref()),
        };
        let path = path.map(|path| path.display().to_string()).unwrap_or_default();
        io::Error::other(format!("{option} {path}: {error}"))
    }
}

fn content(path: &Path, option: &str) -> io::Result<Vec<u8>> {
    regular::read(path, MAX_BYTES).map_err(|error| {
        let shown = path.display();
        io::Error::new(
            error.kind(),
            format!("cannot read {option} {shown}: {error}; set it to a file that the agent's account can read"),
        )
    })
}
