//! `--tls-cert`, `--tls-key` and `--tls-client-ca`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use server::{Pem, PemFile, Tls};

use super::files::{Look, Watched, looks};

/// The files, and what they come to.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: Files,
    tls: Arc<Tls>,
    seen: Vec<Look>,
}

#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Certificates {
    /// Reads them; none if none is named.
    ///
    /// # Errors
    /// One is named without the others that it needs, cannot be read, or cannot be used.
    pub(super) fn open(
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
        client_ca: Option<PathBuf>,
    ) -> io::Result<Option<Self>> {
        let files = match (certificate, key, client_ca) {
            (None, None, None) => return Ok(None),
            (Some(certificate), Some(key), client_ca) => Files { certificate, key, client_ca },
            (Some(_), None, _) => return Err(io::Error::other("--tls-cert needs --tls-key, the file of its key")),
            (None, Some(_), _) => {
                return Err(io::Error::other("--tls-key needs --tls-cert, the file of its certificate"));
            }
            (None, None, Some(_)) => {
                return Err(io::Error::other("--tls-client-ca needs --tls-cert and --tls-key: it is a part of TLS"));
            }
        };
        let seen = looks(&files.paths());
        let tls = Tls::new(&files.read()?).map_err(|error| files.blame(&error))?;
        Ok(Some(Self { files, tls: Arc::new(tls), seen }))
    }

    pub(super) fn tls(&self) -> Arc<Tls> {
        Arc::clone(&self.tls)
    }

    /// Whether only who has a certificate is let in.
    pub(crate) const fn wants_clients_certificates(&self) -> bool {
        self.files.client_ca.is_some()
    }

    /// The file of the key, if everybody on this host can read it.
    pub(super) fn public_key(&self) -> Option<&Path> {
        super::is_public(&self.files.key).then_some(&self.files.key)
    }

    /// The file of the certificate.
    pub(crate) fn path(&self) -> &Path {
        &self.files.certificate
    }

    pub(super) fn watched(&self) -> Watched {
        let (files, tls) = (self.files.clone(), Arc::clone(&self.tls));
        let read = Box::new(move || {
            let replaced = files.read().and_then(|pem| tls.replace(&pem).map_err(|error| files.blame(&error)));
            match replaced {
                Ok(()) => tracing::info!(path = %files.certificate.display(), "the certificate is read again"),
                Err(error) => tracing::error!("the certificate stays as it was: {error}"),
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

    /// The same error with the file's name.
    fn blame(&self, error: &server::TlsError) -> io::Error {
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
    fs::read(path).map_err(|error| {
        let shown = path.display();
        io::Error::new(
            error.kind(),
            format!("cannot read {option} {shown}: {error}; it must be a file that the agent's account may read"),
        )
    })
}
