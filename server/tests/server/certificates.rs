//! Certificates that are made for a test, servers that use them, and clients that trust them.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use orderbook_server::settings::TlsConfig;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tickbook::Clock;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::whole_server::Server;

pub(crate) const BOTH: [&SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

/// The end of the certificates.
pub(crate) fn end() -> DateTime<Utc> {
    "2014-06-01T00:00:00Z".parse().expect("a time")
}

/// A folder with a certificate of `localhost` and its key.
pub(crate) struct Pair {
    folder: TempDir,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let pair = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        pair.renew();
        pair
    }

    pub(crate) fn certificate(&self) -> String {
        self.path("certificate.pem")
    }

    pub(crate) fn key(&self) -> String {
        self.path("key.pem")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Writes another certificate and its key.
    pub(crate) fn renew(&self) {
        let (certificate, key) = made();
        self.write("certificate.pem", &certificate, 0o644);
        self.write("key.pem", &key, 0o600);
    }

    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).expect("its own file");
    }

    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TICKBOOK__SERVER__TLS__CERTIFICATE", self.certificate()),
            ("TICKBOOK__SERVER__TLS__PRIVATE_KEY", self.key()),
        ]
    }

    pub(crate) fn config(&self) -> TlsConfig {
        TlsConfig {
            certificate: self.certificate().into(),
            private_key: self.key().into(),
            check_every: Duration::from_secs(3_600),
            warn_before: Duration::from_secs(14 * 86_400),
        }
    }

    /// Starts a server with the certificate, the symbol 1 and further settings.
    pub(crate) async fn serve(&self, settings: &[(&str, &str)]) -> Server {
        let own = self.settings();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<_> = own.chain(settings.iter().copied()).collect();
        let clock = Clock::standing_at(end() - TimeDelta::days(30));
        Server::start_at(&settings, &clock).await
    }

    /// A connection that trusts the present certificate.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        protocol: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        connect(address, &self.certificate(), protocol, &BOTH).await
    }
}

/// A certificate, valid in May 2014, and its key.
pub(crate) fn made() -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(2014, 5, 1);
    params.not_after = rcgen::date_time_ymd(2014, 6, 1);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

/// Accepts only the given certificate, at any time.
#[derive(Debug)]
struct Only(CertificateDer<'static>);

mod verifying {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

    use super::Only;

    fn algorithms() -> rustls::crypto::WebPkiSupportedAlgorithms {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms
    }

    impl ServerCertVerifier for Only {
        fn verify_server_cert(
            &self,
            found: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            if *found != self.0 {
                return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
            }
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, certificate, signature, &algorithms())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signature, &algorithms())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            algorithms().supported_schemes()
        }
    }
}

pub(crate) async fn connect(
    address: SocketAddr,
    certificate: &str,
    protocol: &[u8],
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    secure(stream, certificate, protocol, versions).await
}

/// Completes the TLS handshake of a connection.
pub(crate) async fn secure(
    stream: TcpStream,
    certificate: &str,
    protocol: &[u8],
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let certificate = CertificateDer::from_pem_file(Path::new(certificate)).expect("PEM");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let only = Arc::new(Only(certificate));
    config.dangerous().set_certificate_verifier(only);
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}
