//! The process of the hostile clients. It runs in the scheduling class of idle processes and gets only the
//! processor time that others leave, so that the test measures the server.

use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};

use orderbook_server::http::descriptors;

use super::attacks::{self, Held};
use super::attacks_tls;
use super::target::Target;

const ATTACK: &str = "TICKBOOK_TEST_ATTACK";
const ADDRESS: &str = "TICKBOOK_TEST_ADDRESS";
const FIELDS: &str = "TICKBOOK_TEST_FIELDS";
const CERTIFICATE: &str = "TICKBOOK_TEST_CERTIFICATE";
const BEGUN: &str = "the attack has begun";

type Attack = fn(Target) -> Pin<Box<dyn Future<Output = Held> + Send>>;

fn all() -> Vec<(&'static str, Attack)> {
    vec![
        ("1,100 silent connections", |to| {
            Box::pin(attacks::silent(to))
        }),
        ("slow heads", |to| Box::pin(attacks::slow_heads(to))),
        ("300 that read nothing", |to| Box::pin(attacks::unread(to))),
        ("receipts that nobody reads", |to| {
            Box::pin(attacks::receipts(to))
        }),
        ("150 unfinished bodies", |to| {
            Box::pin(attacks::unfinished(to))
        }),
        ("deep JSON", |to| Box::pin(attacks::deep(to))),
        ("a million elements", |to| Box::pin(attacks::elements(to))),
        ("pipelines", |to| Box::pin(attacks::pipelines(to))),
        ("100 MB", |to| Box::pin(attacks::large(to))),
        ("posts that are left", |to| {
            Box::pin(attacks::left_posts(to))
        }),
        ("WebSocket fragments", |to| Box::pin(attacks::fragments(to))),
        ("subscriptions", |to| Box::pin(attacks::subscriptions(to))),
        ("guessed tokens", |to| Box::pin(attacks::guesses(to))),
        ("WebSockets without a token", |to| {
            Box::pin(attacks::silent_clients(to))
        }),
    ]
}

/// The attacks on a server with TLS, besides the others.
fn of_tls() -> Vec<(&'static str, Attack)> {
    vec![
        ("unfinished TLS handshakes", |to| {
            Box::pin(attacks_tls::unfinished_handshakes(to))
        }),
        ("repeated TLS handshakes", |to| {
            Box::pin(attacks_tls::repeated_handshakes(to))
        }),
        ("HTTP/2: cancelled requests", |to| {
            Box::pin(attacks_tls::cancelled(to))
        }),
        ("HTTP/2: pages that nobody reads", |to| {
            Box::pin(attacks_tls::unread(to))
        }),
        ("HTTP/2: endless heads", |to| {
            Box::pin(attacks_tls::endless_heads(to))
        }),
        ("HTTP/2: settings and pings", |to| {
            Box::pin(attacks_tls::control_frames(to))
        }),
    ]
}

/// The names of the attacks on a server.
pub(super) fn names(to: &Target) -> Vec<&'static str> {
    let mut attacks = all();
    if to.certificate.is_some() {
        attacks.extend(of_tls());
    }
    attacks.into_iter().map(|(name, _)| name).collect()
}

/// A process that attacks until it is dropped.
pub(super) struct Attackers(Child);

impl Attackers {
    /// Starts the process, and waits until the attack has begun.
    pub(super) fn start(name: &str, to: &Target) -> Self {
        let program = std::env::current_exe().expect("this program");
        // of util-linux, which every Linux has
        let mut child = Command::new("chrt")
            .args(["--idle", "0"])
            .arg(program)
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("hostile::attackers::process_that_attacks")
            .env(ATTACK, name)
            .env(ADDRESS, to.address.to_string())
            .env(FIELDS, &to.fields)
            .envs(to.certificate.iter().map(|file| (CERTIFICATE, file)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let attackers = Self(child);
        let mut lines = output.lines().map_while(Result::ok);
        // the test harness may have written the beginning of the line
        let has_begun = lines.any(|line| line.ends_with(BEGUN));
        assert!(has_begun, "{name}: the process ended early");
        attackers
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        // it may already have ended
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "helper process of fault_70_hostile_clients_harm_no_other"]
async fn process_that_attacks() {
    descriptors::raise();
    let variable = |name| std::env::var(name).expect("set by the fault");
    let name = variable(ATTACK);
    let address = variable(ADDRESS).parse().expect("an address");
    let (_, attack) = all()
        .into_iter()
        .chain(of_tls())
        .find(|(known, _)| *known == name)
        .expect("one of them");
    let fields = variable(FIELDS);
    let target = Target {
        address,
        fields,
        certificate: std::env::var(CERTIFICATE).ok(),
    };
    let _held = attack(target).await;
    println!("{BEGUN}");
    std::future::pending::<()>().await;
}
