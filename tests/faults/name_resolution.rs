//! Test of a database whose host name first cannot be resolved, then resolves to one address, then to
//! another.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use fault_proxy::FaultProxy;
use tickbook::db::DatabasePools;
use tickbook::{Database, Repositories, RepositoryError};

use crate::fault::Fault;
use crate::load::Load;
use crate::site::{address_of, at_host, config};
use crate::support::heartbeat::Heartbeat;
use crate::support::migrated_schema::{SYMBOL, migrated};
use crate::support::oracle::assert_exact;

/// The variable that is set in the second process, in which the file that it names replaces `/etc/hosts`.
const HOSTS: &str = "TICKBOOK_FAULTS_HOSTS";
const NAME: &str = "timeseries.tickbook.test";

#[test]
fn fault_22_name_resolution() {
    if let Ok(hosts) = std::env::var(HOSTS) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(name_moves(Path::new(&hosts)));
    }
    let fault = Fault::begin("fault_22_name_resolution");
    let folder = tempfile::tempdir().expect("a folder");
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 localhost\n").expect("written");
    let isolated = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--mount", "sh", "-c"])
            .arg(format!("mount --bind \"${HOSTS}\" /etc/hosts && {command}"))
            .env(HOSTS, &hosts);
        unshare.output()
    };
    if !isolated("true").is_ok_and(|output| output.status.success()) {
        return fault.skip("/etc/hosts cannot be replaced for one process (that needs root)");
    }
    let program = std::env::current_exe().expect("this program");
    let test = "name_resolution::fault_22_name_resolution";
    let output = isolated(&format!(
        "exec '{}' --exact {test} --nocapture",
        program.display()
    ));
    let output = output.expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{errors}"
    );
}

async fn name_moves(hosts: &Path) {
    let (schemas, _) = migrated().await;
    let url = schemas.url(Database::Timeseries);
    let proxy = |address: [u8; 4], port| {
        let builder = FaultProxy::builder(address_of(url)).seed(22);
        builder.listen_on(SocketAddr::from((address, port))).start()
    };
    let first = proxy([127, 0, 0, 2], 0);
    let second = proxy([127, 0, 0, 3], first.port());
    let named = at_host(url, &format!("{NAME}:{}", first.port()));
    let pools = DatabasePools::new(&config(schemas.url(Database::Metadata), &named));
    let repository = Repositories::postgres(&pools).ticks;
    let error = repository
        .latest(SYMBOL)
        .await
        .expect_err("nobody knows the name");
    assert!(
        matches!(error, RepositoryError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("translate host name"), "{error}");
    let load = Load::start(repository);
    let heartbeat = Heartbeat::start();
    load.wait_for_failures(2).await;
    std::fs::write(hosts, format!("127.0.0.2 {NAME}\n")).expect("written");
    load.assert_recovers().await;
    assert!(first.accepted() > 0 && second.accepted() == 0);
    std::fs::write(hosts, format!("127.0.0.3 {NAME}\n")).expect("written");
    first.close();
    load.assert_recovers().await;
    heartbeat.assert_steady().await;
    assert!(second.accepted() > 0, "nobody followed");
    assert_exact(url, &load.finish().await);
}
