//! Tests of servers with a wrong identity or without TLS.

use std::path::{Path, PathBuf};
use std::process::Command;

use fault_proxy::FaultProxy;
use tickbook::db::DatabasePools;
use tickbook::ingest::PersisterHealth;
use tickbook::{Database, Repositories, RepositoryError};

use crate::fault::Fault;
use crate::load::Load;
use crate::server::Server;
use crate::site::{address_of, config, repositories_on};
use crate::support::heartbeat::Heartbeat;
use crate::support::migrated_schema::ticks;
use crate::support::oracle::assert_exact;

/// The first message of a client, which requests TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[tokio::test(flavor = "multi_thread")]
async fn fault_26_servers_that_cannot_be_trusted() {
    let fault = Fault::begin("fault_26_servers_that_cannot_be_trusted");
    let Some(openssl) = suite::program("openssl") else {
        return;
    };
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let _ = repositories_on(&server, |_| ()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::make(&openssl, folder.path(), "trusted");
    let stranger = Authority::make(&openssl, folder.path(), "stranger");
    let good = authority.certify("good", "DNS:localhost", 2);

    let server_address = address_of(&server.url());
    let run = FaultProxy::builder(server_address).recording().start();
    let plain = verified(&server, run.port(), &authority);
    let error = refused(&plain).await;
    assert!(error.contains("does not support SSL"), "{error}");
    let said = run.recorded();
    assert!(
        !said.is_empty() && said.chunks(8).all(|part| part == SSL_REQUEST),
        "said to a server without TLS: {said:?}"
    );

    for (certificate, expected) in [
        (
            authority.certify("elsewhere", "DNS:db.example", 2),
            "does not match host name",
        ),
        (
            // expires at its start; newer releases of OpenSSL refuse an end before the start
            authority.certify("expired", "DNS:localhost", 0),
            "certificate",
        ),
        (
            stranger.certify("untrusted", "DNS:localhost", 2),
            "certificate verify failed",
        ),
    ] {
        server.speak_tls(&certificate.0, &certificate.1);
        let port = address_of(&server.url()).port();
        let error = refused(&verified(&server, port, &authority)).await;
        assert!(error.contains(expected), "{expected}: {error}");
    }

    // ticks that are pushed meanwhile wait for a server that can be verified
    let port = address_of(&server.url()).port();
    let repositories = verified(&server, port, &authority);
    let spool = tempfile::tempdir().expect("a folder");
    let load = Load::start_with_spool(repositories.ticks.clone(), spool.path()).await;
    let heartbeat = Heartbeat::start();
    load.wait_for_failures(2).await;
    load.assert_spools().await;
    assert_eq!(load.persister().stats().inserted, 0);
    let health = load.persister().health();
    let PersisterHealth::Misconfigured { reason, .. } = &health else {
        panic!("{health:?}");
    };
    assert!(reason.contains("certificate verify failed"), "{reason}");
    heartbeat.assert_steady().await;
    server.speak_tls(&good.0, &good.1);
    load.assert_recovers().await;
    assert_exact(&server.url(), &load.finish().await);
}

/// Repositories over the server as `localhost`, verified with the authority.
fn verified(server: &Server, port: u16, authority: &Authority) -> Repositories {
    let ca = authority.certificate.display();
    let url = server.url().replace(
        &format!("127.0.0.1:{}", address_of(&server.url()).port()),
        &format!("localhost:{port}"),
    );
    let url = format!("{url}?sslmode=verify-full&sslrootcert={ca}");
    Repositories::postgres(&DatabasePools::new(&config(&url, &url)))
}

/// The text of the error of a call.
async fn refused(repositories: &Repositories) -> String {
    let error = repositories.ticks.insert_batch(&ticks(0, 60)).await;
    let error = error.expect_err("not to be trusted");
    assert!(matches!(error, RepositoryError::Tls { .. }), "{error:?}");
    assert!(
        !error.is_transient() && error.is_certainly_not_applied(),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("certificate is verified"), "{text}");
    assert!(!text.contains("throwaway"), "{text}");
    text
}

/// A certificate authority of this test.
struct Authority {
    openssl: PathBuf,
    folder: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn make(openssl: &Path, folder: &Path, name: &str) -> Self {
        let authority = Self {
            openssl: openssl.to_owned(),
            folder: folder.to_owned(),
            certificate: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
        };
        let subject = format!("/CN={name}");
        succeed(
            Command::new(openssl)
                .args([
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                ])
                .args(["-subj", &subject, "-keyout"])
                .arg(&authority.key)
                .arg("-out")
                .arg(&authority.certificate),
        );
        authority
    }

    /// Creates a certificate and its key for a name, valid for `days` days from now.
    fn certify(&self, name: &str, host: &str, days: i32) -> (PathBuf, PathBuf) {
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        let (key, request, certificate) = (file("key"), file("csr"), file("crt"));
        std::fs::write(file("ext"), format!("subjectAltName={host}\n")).expect("written");
        succeed(
            Command::new(&self.openssl)
                .args([
                    "req",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-subj",
                    "/CN=server",
                ])
                .arg("-keyout")
                .arg(&key)
                .arg("-out")
                .arg(&request),
        );
        succeed(
            Command::new(&self.openssl)
                .args(["x509", "-req", "-days", &days.to_string(), "-in"])
                .arg(&request)
                .arg("-CA")
                .arg(&self.certificate)
                .arg("-CAkey")
                .arg(&self.key)
                .args(["-CAcreateserial", "-extfile"])
                .arg(file("ext"))
                .arg("-out")
                .arg(&certificate),
        );
        (certificate, key)
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("openssl");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
