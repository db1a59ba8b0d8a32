//! Tests of lost packets between machines, for which network namespaces stand: the library's threads run
//! in one, a router in another, and the proxy to the database on this machine.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use fault_proxy::FaultProxy;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tickbook::db::DatabaseConfig;
use tickbook::db::DatabasePools;
use tickbook::domain::Tick;
use tickbook::{Database, Repositories, RepositoryError};
use tokio::runtime::Runtime;

use crate::fault::Fault;
use crate::memory::Memory;
use crate::site::{OVERRUN, address_of, at_host, config};
use crate::support::heartbeat::Heartbeat;
use crate::support::migrated_schema::{migrated, ticks};
use crate::support::oracle::assert_exact;

/// The default time after which a silent peer is considered lost, with a tolerance.
const PEER_IS_GONE: Duration = Duration::from_millis(8_000 + 500);

#[test]
fn fault_12_packets_lost_before_the_send() {
    let name = "fault_12_packets_lost_before_the_send";
    let Some(fault) = Fault::begin_long(name) else {
        return;
    };
    with_distant_library(fault, |network, config, _| async move {
        let patient = Repositories::postgres(&DatabasePools::new(&config));
        let mut hasty = config.clone();
        hasty.pool.call_timeout = Duration::from_secs(2);
        let hasty_pools = DatabasePools::new(&hasty);
        let hasty = Repositories::postgres(&hasty_pools);
        patient
            .ticks
            .insert_batch(&ticks(0, 60))
            .await
            .expect("stored");
        hasty
            .ticks
            .insert_batch(&ticks(60, 120))
            .await
            .expect("stored");
        network.lose_packets();
        let (memory, heartbeat) = (Memory::start(), Heartbeat::start());
        let (first, second) = (ticks(120, 180), ticks(180, 240));
        let begun = suite::Watch::start();
        let (gone, late) = tokio::join!(
            async { (patient.ticks.insert_batch(&first).await, begun.of_ours()) },
            async { (hasty.ticks.insert_batch(&second).await, begun.of_ours()) },
        );
        let error = gone.0.expect_err("lost");
        suite::assert_in_time(gone.1, PEER_IS_GONE);
        assert!(
            error.is_transient() && !error.is_certainly_not_applied(),
            "{error:?}"
        );
        let error = late.0.expect_err("lost");
        suite::assert_in_time(late.1, Duration::from_secs(2) + OVERRUN);
        assert!(
            matches!(error, RepositoryError::Timeout { begun: true, .. }),
            "{error:?}"
        );
        heartbeat.assert_steady().await;
        memory.assert_within(0);
        network.pass_packets();
        for batch in [&first, &second] {
            store(&patient, batch).await;
        }
        ticks(0, 240)
    });
}

#[test]
fn fault_13_packets_lost_while_waiting_for_the_answer() {
    let name = "fault_13_packets_lost_while_waiting_for_the_answer";
    let Some(fault) = Fault::begin_long(name) else {
        return;
    };
    with_distant_library(fault, |network, config, mut blocker| async move {
        let mut config = config;
        config.pool.lock_timeout = Duration::from_secs(60);
        config.pool.statement_timeout = Duration::from_secs(60);
        let repositories = Repositories::postgres(&DatabasePools::new(&config));
        repositories
            .ticks
            .insert_batch(&ticks(0, 60))
            .await
            .expect("stored");
        blocker
            .batch_execute("BEGIN; LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE")
            .expect("locked");
        let batch = ticks(60, 120);
        let (memory, heartbeat) = (Memory::start(), Heartbeat::start());
        let insert = repositories.ticks.insert_batch(&batch);
        let lose = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            network.lose_packets();
            suite::Watch::start()
        };
        let (result, lost) = tokio::join!(insert, lose);
        lost.assert_within(PEER_IS_GONE);
        let error = result.expect_err("lost");
        assert!(
            error.is_transient() && !error.is_certainly_not_applied(),
            "{error:?}"
        );
        heartbeat.assert_steady().await;
        memory.assert_within(0);
        blocker.batch_execute("ROLLBACK").expect("unlocked");
        network.pass_packets();
        store(&repositories, &batch).await;
        ticks(0, 120)
    });
}

async fn store(repositories: &Repositories, batch: &[Tick]) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = repositories.ticks.insert_batch(batch).await {
        assert!(Instant::now() < deadline, "{error}");
    }
}

/// Runs `test` on threads in a network behind a router, and asserts that the ticks that it returns are
/// stored. `test` receives settings that lead through this network to a migrated schema, and a connection
/// that bypasses the network.
fn with_distant_library<F: Future<Output = Vec<Tick>>>(
    fault: Fault,
    test: impl FnOnce(Network, DatabaseConfig, PgConnection) -> F + Send,
) {
    let network = match Network::create() {
        Ok(network) => network,
        Err(reason) => return fault.skip(reason),
    };
    let (schemas, pools) = runtime().block_on(migrated());
    drop(pools);
    let url = schemas.url(Database::Timeseries);
    let builder = FaultProxy::builder(address_of(url)).seed(12);
    let proxy = builder.listen_on(network.here).start();
    let host = proxy.address().to_string();
    let distant = config(schemas.url(Database::Metadata), &at_host(url, &host));
    let connection = schemas.connection(Database::Timeseries);
    let expected = std::thread::scope(|scope| {
        let distant = scope.spawn(|| {
            network.enter();
            // its threads are in the network namespace of this thread
            runtime().block_on(test(network, distant, connection))
        });
        distant
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    assert_exact(url, &expected);
    drop(fault);
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// The names of this machine, of a router, and of a machine behind the router.
struct Network {
    router: String,
    place: String,
    /// The address of this machine from the other side.
    here: SocketAddr,
    there: String,
}

impl Network {
    fn create() -> Result<Self, String> {
        let pid = std::process::id();
        let net = format!("10.213.{}", pid % 250);
        let network = Self {
            router: format!("tickbook-r-{pid}"),
            place: format!("tickbook-p-{pid}"),
            here: format!("{net}.1:0").parse().expect("an address"),
            there: format!("{net}.6"),
        };
        let (router, place) = (&network.router, &network.place);
        let (inner, outer) = (format!("tb{pid}i"), format!("tb{pid}o"));
        for command in [
            format!("ip netns add {router}"),
            format!("ip netns add {place}"),
            format!("ip link add {outer} type veth peer name {inner} netns {router}"),
            format!("ip -n {router} link add p type veth peer name r netns {place}"),
            format!("ip address add {net}.1/30 dev {outer}"),
            format!("ip -n {router} address add {net}.2/30 dev {inner}"),
            format!("ip -n {router} address add {net}.5/30 dev p"),
            format!("ip -n {place} address add {net}.6/30 dev r"),
            format!("ip link set {outer} up"),
            format!("ip -n {router} link set {inner} up"),
            format!("ip -n {router} link set p up"),
            format!("ip -n {place} link set r up"),
            format!("ip -n {place} link set lo up"),
            format!("ip -n {place} route add default via {net}.5"),
            format!("ip route add {net}.4/30 via {net}.2"),
            format!("ip netns exec {router} tee /proc/sys/net/ipv4/ip_forward"),
        ] {
            run(&command).map_err(|problem| {
                format!("no network namespaces can be had here (that needs root): {problem}")
            })?;
        }
        Ok(network)
    }

    /// Drops all packets in both directions from now on, without a notice to either side.
    fn lose_packets(&self) {
        self.route("add");
    }

    fn pass_packets(&self) {
        self.route("del");
    }

    fn route(&self, what: &str) {
        let router = &self.router;
        for address in [self.here.ip().to_string(), self.there.clone()] {
            run(&format!(
                "ip -n {router} route {what} blackhole {address}/32"
            ))
            .expect("routed");
        }
    }

    fn enter(&self) {
        let namespace = File::open(format!("/run/netns/{}", self.place)).expect("it exists");
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("root may enter");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in [&self.router, &self.place] {
            // this deletes the links as well
            let _ = run(&format!("ip netns del {name}"));
        }
    }
}

/// Runs a command with `1` as its input.
fn run(command: &str) -> Result<(), String> {
    use std::io::Write as _;
    let mut words = command.split(' ');
    let mut child = Command::new(words.next().unwrap_or_default())
        .args(words)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // most commands do not read their input
        let _ = input.write_all(b"1");
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
