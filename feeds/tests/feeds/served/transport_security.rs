//! TLS: a server is trusted or refused by its certificate.

use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tickbook::Clock;
use tickbook_feeds::okx::OkxVenue;
use tickbook_feeds::transport::{ConnectError, Receiver, Tls, Transport, TransportEvent};
use tickbook_feeds::{Channel, Endpoints, Subscription, Venue};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use venue_server::{Answer, Play, Step, VenueServer};

use crate::ctrader::acceptor::{Acceptor, PASSWORD};
use crate::ctrader::client::{Client, venue};

/// Accepts everything, and answers HTTP requests with their path.
#[derive(Debug)]
struct Echo;

impl Play for Echo {
    fn open(&mut self, _: &str) -> bool {
        true
    }

    fn text(&mut self, _: &str) {}

    fn next(&mut self) -> Step {
        Step::Idle
    }

    fn get(&mut self, path: &str) -> Option<Answer> {
        Some(match path {
            "/busy" => Answer::status(429, "slow down").with_header("retry-after: 7"),
            path => Answer::ok(path),
        })
    }
}

/// Ends after the first attempt to connect.
#[derive(Debug, Default)]
struct Attempt {
    is_open: bool,
    error: Option<String>,
    is_tls: bool,
}

impl Receiver for Attempt {
    fn event(&mut self, event: TransportEvent<'_>) {
        match event {
            TransportEvent::Opened { .. } => self.is_open = true,
            TransportEvent::ConnectFailed { error, .. } => {
                self.is_tls = matches!(error, ConnectError::Tls { .. });
                self.error = Some(error.to_string());
            }
            TransportEvent::Sent { .. } | TransportEvent::Message(_) => {}
            event => panic!("{event:?}"),
        }
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("openssl");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

/// The certificate of an authority, and a certificate of `localhost` that it signed, with its key.
fn certificates(
    openssl: &Path,
    folder: &Path,
) -> (
    CertificateDer<'static>,
    CertificateDer<'static>,
    PrivateKeyDer<'static>,
) {
    let file = |name: &str| folder.join(name);
    let new_key = ["req", "-newkey", "rsa:2048", "-nodes"];
    succeed(
        Command::new(openssl)
            .args(new_key)
            .args(["-x509", "-days", "2", "-subj", "/CN=authority", "-keyout"])
            .arg(file("authority.key"))
            .arg("-out")
            .arg(file("authority.crt")),
    );
    succeed(
        Command::new(openssl)
            .args(new_key)
            .args(["-subj", "/CN=localhost", "-keyout"])
            .arg(file("server.key"))
            .arg("-out")
            .arg(file("server.csr")),
    );
    let extensions = "basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost\n";
    std::fs::write(file("server.ext"), extensions).expect("written");
    succeed(
        Command::new(openssl)
            .args(["x509", "-req", "-days", "2", "-CAcreateserial", "-in"])
            .arg(file("server.csr"))
            .arg("-CA")
            .arg(file("authority.crt"))
            .arg("-CAkey")
            .arg(file("authority.key"))
            .arg("-extfile")
            .arg(file("server.ext"))
            .arg("-out")
            .arg(file("server.crt")),
    );
    let certificate = |name| CertificateDer::from_pem_file(file(name)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    (certificate("authority.crt"), certificate("server.crt"), key)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A client that trusts only this authority.
fn trusting(authority: CertificateDer<'static>) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(authority).expect("a certificate");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Tls::new(Arc::new(config))
}

/// The configuration of a server with this certificate.
fn serving(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> ServerConfig {
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a configuration")
}

/// Passes connections with TLS on to a server without. Returns the port.
async fn terminate(config: ServerConfig, server: String) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                // a client that does not trust the certificate ends the handshake
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut plain = TcpStream::connect(server).await.expect("the server");
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut plain).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn servers_are_trusted_by_their_certificates() {
    let Some(openssl) = suite::program("openssl") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, certificate, key) = certificates(&openssl, folder.path());
    let tls = trusting(authority);
    let config = serving(certificate, key);
    let server = VenueServer::start(Echo).await;
    let address = server.http().replace("http://", "");
    let port = terminate(config, address).await;
    let attempt = async |tls: Tls, host: &str| {
        let endpoints = Endpoints::new(format!("wss://{host}:{port}"), "");
        let subscription = Subscription::new(["A-B"], [Channel::Trades]);
        let venue = OkxVenue::new(subscription, Some(endpoints));
        let mut venue: Box<dyn Venue> = Box::new(venue);
        let mut attempt = Attempt::default();
        let transport = Transport::new(tls, Clock::system());
        transport.run(&mut venue, &mut attempt).await;
        attempt
    };
    let trusted = attempt(tls.clone(), "localhost").await;
    assert!(trusted.is_open, "{trusted:?}");
    let stranger = attempt(Tls::of_the_system().expect("TLS"), "localhost").await;
    assert!(stranger.is_tls, "{stranger:?}");
    let error = stranger.error.expect("an error");
    assert!(error.contains("certificate"), "{error}");
    let other_name = attempt(tls.clone(), "127.0.0.1").await;
    assert!(other_name.is_tls, "{other_name:?}");

    let transport = Transport::new(tls, Clock::system());
    let get = async |path: &str| {
        transport
            .get(&format!("https://localhost:{port}{path}"))
            .await
    };
    assert_eq!(get("/a?b=c").await.expect("a body"), "/a?b=c");
    let busy = get("/busy").await.expect_err("a status");
    assert_eq!(busy.to_string(), "status 429: \"slow down\"");
    let pause = std::time::Duration::from_secs(7);
    assert_eq!(busy.retry_after(), Some(pause));
}

#[tokio::test]
async fn session_of_ctrader_needs_a_trusted_certificate() {
    let Some(openssl) = suite::program("openssl") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, certificate, key) = certificates(&openssl, folder.path());
    let acceptor = Acceptor::start().await;
    let address = format!("127.0.0.1:{}", acceptor.port);
    let port = terminate(serving(certificate, key), address).await;
    let at = |host: &str| {
        let address = format!("tls://{host}:{port}");
        venue(&address, PASSWORD, &[Channel::Quotes, Channel::Book(10)])
    };
    let client = Client::connect(at("localhost"), trusting(authority.clone()));
    client.until("quote and book", |seen| seen.has_data()).await;
    drop(client);
    for (host, tls) in [
        ("localhost", Tls::of_the_system().expect("TLS")),
        ("127.0.0.1", trusting(authority)),
    ] {
        let mut attempt = Attempt::default();
        let transport = Transport::new(tls, Clock::system());
        let mut venue: Box<dyn Venue> = Box::new(at(host));
        transport.run(&mut venue, &mut attempt).await;
        assert!(attempt.is_tls && !attempt.is_open, "{host}: {attempt:?}");
    }
}
