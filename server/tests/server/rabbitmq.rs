//! Tests of publishing to a real RabbitMQ, which the tests start themselves. Part of `make test-programs`.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lapin::options::{
    BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::{Value, json};
use suite::free_port;
use tokio::time::{Instant, sleep, timeout};

use crate::binary::Program;
use crate::databases::until;
use crate::whole_server::Server;

/// Maximum time for a broker to start on a busy machine.
const START: Duration = Duration::from_secs(120);

struct Programs {
    server: PathBuf,
    /// The program `epmd`, the name server of Erlang nodes.
    names: PathBuf,
}

impl Programs {
    /// Finds the programs; `None`, and the test counts as skipped, unless `make test-programs` runs.
    fn found() -> Option<Self> {
        Some(Self {
            server: suite::program("rabbitmq-server")?,
            names: suite::program("epmd")?,
        })
    }
}

/// A broker on loopback that writes only to its own directory.
struct Broker {
    server: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    distribution_port: u16,
    names_port: u16,
    /// The name server; runs as a child so that it ends with the test.
    names: Child,
    node: Option<Child>,
}

impl Broker {
    fn start(programs: Programs) -> Self {
        let mut broker = Self::down(programs);
        broker.start_node();
        broker
    }

    /// A broker that is not started yet.
    fn down(programs: Programs) -> Self {
        let names_port = free_port();
        let names = Command::new(programs.names)
            .args(["-address", "127.0.0.1", "-port", &names_port.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .expect("epmd comes with RabbitMQ");
        Self {
            server: programs.server,
            folder: tempfile::tempdir().expect("a folder"),
            port: free_port(),
            distribution_port: free_port(),
            names_port,
            names,
            node: None,
        }
    }

    fn start_node(&mut self) {
        let folder = self.folder.path();
        let log = |name: &str| {
            let path = folder.join(name);
            let options = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path);
            options.expect("a log file")
        };
        std::fs::write(folder.join("plugins"), "[].\n").expect("written");
        std::fs::write(folder.join("empty.conf"), "").expect("written");
        let set = |command: &mut Command, name: &str, path: &Path| {
            command.env(name, path);
        };
        let mut command = Command::new(&self.server);
        command
            .env(
                "RABBITMQ_NODENAME",
                format!("tickbook{}@localhost", self.port),
            )
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            )
            .env("ERL_EPMD_PORT", self.names_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_LOGS", "-");
        set(&mut command, "HOME", folder);
        set(
            &mut command,
            "RABBITMQ_CONF_ENV_FILE",
            &folder.join("empty.conf"),
        );
        set(
            &mut command,
            "RABBITMQ_CONFIG_FILE",
            &folder.join("empty.conf"),
        );
        set(
            &mut command,
            "RABBITMQ_ENABLED_PLUGINS_FILE",
            &folder.join("plugins"),
        );
        set(&mut command, "RABBITMQ_MNESIA_BASE", &folder.join("mnesia"));
        set(&mut command, "RABBITMQ_LOG_BASE", &folder.join("log"));
        set(&mut command, "RABBITMQ_PID_FILE", &folder.join("pid"));
        let node = command
            .stdin(Stdio::null())
            .stdout(log("stdout"))
            .stderr(log("stderr"))
            // a process group, so that the script and its children end together
            .process_group(0)
            .spawn();
        self.node = Some(node.expect("it starts"));
    }

    /// Kills the broker, as a power cut does.
    fn kill(&mut self) {
        if let Some(mut node) = self.node.take() {
            let group = format!("-{}", node.id());
            let killed = Command::new("kill").args(["-KILL", "--", &group]).status();
            assert!(killed.is_ok_and(|status| status.success()), "{group}");
            node.wait().expect("it was a child");
        }
    }

    fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Declares a queue that receives all ticks of the symbol `oanda:S1`.
    async fn queue(&self) -> (Connection, Channel) {
        self.queue_of("ticks").await
    }

    /// The same for an exchange of RabbitMQ.
    async fn queue_of(&self, exchange: &str) -> (Connection, Channel) {
        let begun = Instant::now();
        let connection = loop {
            match Connection::connect(&self.url(), ConnectionProperties::default()).await {
                Ok(connection) => break connection,
                Err(error) if begun.elapsed() > START => {
                    let log = std::fs::read_to_string(self.folder.path().join("stdout"));
                    panic!("no broker: {error}\n{}", log.unwrap_or_default());
                }
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        };
        let channel = connection.create_channel().await.expect("a channel");
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let none = FieldTable::default;
        let declared =
            channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, none());
        declared.await.expect("an exchange");
        let declared = channel.queue_declare("q".into(), QueueDeclareOptions::durable(), none());
        declared.await.expect("a queue");
        let options = QueueBindOptions::default();
        let bound = channel.queue_bind(
            "q".into(),
            exchange.into(),
            "oanda.S1".into(),
            options,
            none(),
        );
        bound.await.expect("bound");
        (connection, channel)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        let _ = self.names.kill();
        let _ = self.names.wait();
    }
}

/// The next message: its type and its body.
async fn next(channel: &Channel) -> (String, Value) {
    let getting = async {
        loop {
            let options = BasicGetOptions { no_ack: true };
            let got = channel.basic_get("q".into(), options).await;
            if let Some(message) = got.expect("the broker lives") {
                assert_eq!(message.routing_key.as_str(), "oanda.S1");
                let kind = message.properties.kind().clone().expect("a type");
                let body = serde_json::from_slice(&message.data).expect("JSON");
                return (kind.as_str().to_owned(), body);
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(START, getting).await.expect("in time")
}

fn start() -> DateTime<Utc> {
    "2014-05-01T00:00:00Z".parse().expect("a time")
}

fn tick(symbol: i64, index: i64) -> Value {
    let time = start() + TimeDelta::milliseconds(index);
    json!({
        "symbol_id": symbol, "tick_time": time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "sequence": 0, "bid_price": index.to_string(), "ask_price": "7",
        "bid_volume": "0", "ask_volume": "0", "received_at": null
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticks_reach_the_exchange_and_an_outage_is_reported() {
    let Some(programs) = Programs::found() else {
        return;
    };
    let mut broker = Broker::start(programs);
    let (connection, channel) = broker.queue().await;
    let server = Server::with_symbols(
        &[
            ("TICKBOOK__RABBITMQ__URL", &broker.url()),
            ("TICKBOOK__RABBITMQ__QUEUE", "50"),
        ],
        2,
    )
    .await;
    let sent = json!([tick(1, 0), tick(2, 1), tick(1, 2)]);
    assert_eq!(server.post(&sent).await["inserted"], 3);
    assert_eq!(next(&channel).await, ("tick".to_owned(), tick(1, 0)));
    assert_eq!(next(&channel).await, ("tick".to_owned(), tick(1, 2)));
    drop((channel, connection));

    broker.kill();
    let begun = Instant::now();
    for batch in 0..40_i64 {
        let ticks: Vec<_> = (0..10)
            .map(|index| tick(1, 3 + batch * 10 + index))
            .collect();
        assert_eq!(server.post(&json!(ticks)).await["inserted"], 10);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "storing does not wait for the broker"
    );

    broker.start_node();
    let (_connection, channel) = broker.queue().await;
    let mut reported = BTreeSet::new();
    let mut gaps = 0;
    while reported.len() < 400 {
        let (kind, body) = next(&channel).await;
        let time = |name: &str| -> DateTime<Utc> {
            let text = body[name].as_str().expect("a text");
            text.parse().expect("a time")
        };
        let index = |time: DateTime<Utc>| (time - start()).num_milliseconds();
        if kind == "gap" {
            gaps += 1;
            let (first, last) = (index(time("from")), index(time("to")));
            assert_eq!(last - first + 1, body["missed"].as_i64().expect("a number"));
            reported.extend(first..=last);
        } else {
            // messages consumed just before the power cut arrive again
            reported.extend(Some(index(time("tick_time"))).filter(|index| *index >= 3));
        }
    }
    let all: BTreeSet<i64> = (3..403).collect();
    assert_eq!(reported, all, "each tick was published or is in a gap");
    assert!(gaps >= 1, "350 ticks did not fit");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_reach_their_own_exchange() {
    let Some(programs) = Programs::found() else {
        return;
    };
    let broker = Broker::start(programs);
    let (_connection, channel) = broker.queue_of("trades").await;
    let server = Server::with_symbols(&[("TICKBOOK__RABBITMQ__URL", &broker.url())], 2).await;
    let trade = |symbol: i64, sequence: i64| {
        json!({
            "symbol_id": symbol, "trade_time": "2014-05-01T00:00:00.000000Z", "sequence": sequence,
            "price": "10", "quantity": "2.5", "aggressor_side": "sell", "is_block": true,
            "trade_id": null, "received_at": null
        })
    };
    assert_eq!(server.post(&json!([tick(1, 0)])).await["inserted"], 1);
    let sent = json!([trade(1, 1), trade(2, 2), trade(1, 3)]);
    let receipt = server.post_to("/api/v1/trades", &sent).await;
    assert_eq!(receipt["inserted"], 3, "{receipt}");
    for sequence in [1, 3] {
        let expected = ("trade".to_owned(), trade(1, sequence));
        assert_eq!(next(&channel).await, expected);
    }
    let metrics = server.get_text("/metrics").await;
    let line = "rabbitmq_connected{records=\"trades\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_that_starts_later_is_connected() {
    let Some(programs) = Programs::found() else {
        return;
    };
    let mut broker = Broker::down(programs);
    let server = Server::with_symbols(&[("TICKBOOK__RABBITMQ__URL", &broker.url())], 1).await;
    assert_eq!(server.post(&json!([tick(1, 0)])).await["inserted"], 1);
    broker.start_node();
    // waiting messages may be published before the queue exists
    let (_connection, channel) = broker.queue().await;
    let posting = async {
        for index in 1.. {
            let posted = server.post(&json!([tick(1, index)])).await;
            assert_eq!(posted["inserted"], 1);
            sleep(Duration::from_millis(200)).await;
        }
    };
    let (kind, body) = tokio::select! {
        message = next(&channel) => message,
        () = posting => unreachable!("posting never ends"),
    };
    assert_eq!((kind.as_str(), &body["symbol_id"]), ("tick", &json!(1)));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_never_contain_the_password() {
    let Some(programs) = Programs::found() else {
        return;
    };
    let broker = Broker::start(programs);
    drop(broker.queue().await);
    for url in [
        // a failing login, and a broker that is unavailable
        broker.url().replace("guest:guest", "guest:S3cretPw"),
        format!("amqp://guest:S3cretPw@127.0.0.1:{}/%2f", free_port()),
    ] {
        let variables = [
            ("TICKBOOK__RABBITMQ__URL", url.as_str()),
            ("RUST_LOG", "trace"),
        ];
        let arguments = ["--store", "memory", "--feed", "simulated"];
        let (status, log) = {
            let program = Program::start(&arguments, &variables);
            until("the feed brings ticks", || {
                program.get("/health/ready").1["feed"]["inserted"].as_u64() > Some(3)
            });
            program.stop("TERM")
        };
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("RabbitMQ is unavailable"), "{log}");
        assert!(log.contains(" TRACE "), "everything is logged");
        // as text, and as the bytes that are sent
        let bytes = format!("{:?}", b"S3cretPw");
        let secrets = ["S3cretPw", bytes.trim_matches(['[', ']'])];
        let shows = |line: &&str| secrets.iter().any(|secret| line.contains(secret));
        let line = log.lines().find(shows);
        assert_eq!(line, None);
    }
}
