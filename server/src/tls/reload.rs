//! The certificate in use, and the thread that reads it again when its files change.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::{io, thread};

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{counter, gauge};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tickbook::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::{Certificate, CertificateState, InvalidCertificate};
use super::files::Files;
use crate::metrics::{CERTIFICATE_EXPIRY, CERTIFICATE_RELOADS, TLS_HANDSHAKES};
use crate::settings::TlsConfig;

/// The protocols that are offered, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Maximum number of bytes that wait to be encrypted and sent for one connection.
const SEND_BUFFER: usize = 16 * 1024;

/// The TLS of the server. Clones share its certificate.
#[derive(Clone)]
pub struct ServerTls {
    config: TlsConfig,
    clock: Clock,
    provider: Arc<CryptoProvider>,
    current: Arc<CurrentCertificate>,
    acceptor: TlsAcceptor,
}

#[derive(Debug)]
struct CurrentCertificate(RwLock<Loaded>);

/// The certificate in use, and what became of the present files.
#[derive(Debug)]
struct Loaded {
    certificate: Certificate,
    /// Of the files that were read last; `None` if they could not be read.
    fingerprint: Option<u64>,
    /// Why the present files are not in use.
    problem: Option<InvalidCertificate>,
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let loaded = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&loaded.certificate.key))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The certificate of a server at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateWatch {
    /// Whether clients accept it.
    pub state: CertificateState,
    /// The last second at which it is valid.
    pub not_after: DateTime<Utc>,
    /// Why the present files are not in use; the certificate that was read before them is.
    pub problem: Option<InvalidCertificate>,
}

impl ServerTls {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn load(config: TlsConfig, clock: Clock) -> Result<Self, InvalidCertificate> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (fingerprint, certificate) = read(&config, &provider)?;
        gauge!(CERTIFICATE_EXPIRY).set(certificate.not_after.timestamp() as f64);
        for outcome in ["ok", "failed"] {
            counter!(CERTIFICATE_RELOADS, "outcome" => outcome).absolute(0);
            counter!(TLS_HANDSHAKES, "outcome" => outcome).absolute(0);
        }
        counter!(TLS_HANDSHAKES, "outcome" => "plain").absolute(0);
        let current = Arc::new(CurrentCertificate(RwLock::new(Loaded {
            certificate,
            fingerprint: Some(fingerprint),
            problem: None,
        })));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| InvalidCertificate::Mismatch {
                reason: error.to_string(),
            })?;
        let mut server = builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        server.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        let tls = Self {
            config,
            clock,
            provider,
            current,
            acceptor: TlsAcceptor::from(Arc::new(server)),
        };
        let CertificateWatch {
            state, not_after, ..
        } = tls.certificate();
        if state != CertificateState::Valid {
            let state = state.as_str();
            tracing::warn!(state, %not_after, "the certificate needs to be renewed");
        }
        Ok(tls)
    }

    /// Reads the files, and uses them if they have changed and are valid. Otherwise the certificate in use stays, and
    /// the log and [`certificate`](Self::certificate) have the reason. Blocks on the files.
    pub fn reload(&self) {
        let files = Files::read(&self.config.certificate, &self.config.private_key);
        let fingerprint = files.as_ref().ok().map(Files::fingerprint);
        let lock = || {
            self.current
                .0
                .write()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let failed_before = {
            let loaded = lock();
            if fingerprint.is_some() && loaded.fingerprint == fingerprint {
                return;
            }
            loaded.problem.clone()
        };
        let parsed = files.and_then(|files| parse(&self.config, &files, &self.provider));
        let mut loaded = lock();
        match parsed {
            Ok(certificate) => {
                let not_after = certificate.not_after;
                gauge!(CERTIFICATE_EXPIRY).set(not_after.timestamp() as f64);
                counter!(CERTIFICATE_RELOADS, "outcome" => "ok").increment(1);
                tracing::info!(%not_after, "the renewed certificate is in use");
                *loaded = Loaded {
                    certificate,
                    fingerprint,
                    problem: None,
                };
            }
            Err(error) => {
                if failed_before.as_ref() != Some(&error) || fingerprint.is_some() {
                    counter!(CERTIFICATE_RELOADS, "outcome" => "failed").increment(1);
                    tracing::error!(%error, "the certificate is not renewed: the one before stays in use");
                }
                loaded.fingerprint = fingerprint;
                loaded.problem = Some(error);
            }
        }
    }

    /// The certificate in use, now.
    #[must_use]
    pub fn certificate(&self) -> CertificateWatch {
        let loaded = self.current.0.read();
        let loaded = loaded.unwrap_or_else(PoisonError::into_inner);
        let warning = TimeDelta::from_std(self.config.warn_before).unwrap_or(TimeDelta::MAX);
        CertificateWatch {
            state: loaded.certificate.state(self.clock.now(), warning),
            not_after: loaded.certificate.not_after,
            problem: loaded.problem.clone(),
        }
    }

    /// Starts a thread that reloads the certificate every [`check_every`](TlsConfig::check_every), and at each message
    /// to the returned sender. It ends when the sender is dropped.
    ///
    /// # Errors
    /// The system cannot create the thread.
    pub fn watch(&self) -> io::Result<Sender<()>> {
        let (sender, receiver) = channel();
        let (tls, every) = (self.clone(), self.config.check_every);
        let run = move || loop {
            match receiver.recv_timeout(every) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => tls.reload(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        };
        thread::Builder::new()
            .name("certificate".to_owned())
            .spawn(run)?;
        Ok(sender)
    }

    /// Performs the handshake with a client.
    ///
    /// # Errors
    /// The client does not speak TLS 1.2 or 1.3, or disconnects.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let accepting = self.acceptor.accept_with(stream, |connection| {
            connection.set_buffer_limit(Some(SEND_BUFFER));
        });
        accepting.await
    }
}

fn read(
    config: &TlsConfig,
    provider: &CryptoProvider,
) -> Result<(u64, Certificate), InvalidCertificate> {
    let files = Files::read(&config.certificate, &config.private_key)?;
    Ok((files.fingerprint(), parse(config, &files, provider)?))
}

fn parse(
    config: &TlsConfig,
    files: &Files,
    provider: &CryptoProvider,
) -> Result<Certificate, InvalidCertificate> {
    let name = |path: &std::path::Path| path.display().to_string();
    Certificate::parse(
        (&name(&config.certificate), &files.chain),
        (&name(&config.private_key), &files.key),
        provider,
    )
}
