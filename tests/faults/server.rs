//! A separate server that a test may freeze, kill, stop and start again.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tickbook::Database;

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Server {
    folder: PathBuf,
    kind: Database,
    port: u16,
}

impl Server {
    /// Starts a server with an empty database. It accepts connections when this returns.
    ///
    /// # Errors
    /// The reason why this machine cannot run a server.
    ///
    /// # Panics
    /// If the machine can run a server, but the server does not start.
    pub(crate) fn start(kind: Database) -> Result<Self, String> {
        may_be_started()?;
        let server = Self::prepare(kind);
        Ok(server.started())
    }

    /// As [`start`](Self::start), with a file system of `megabytes` MB at `data/small`.
    ///
    /// # Errors
    /// As [`start`](Self::start); also if the process may not mount a file system, since only root may.
    pub(crate) fn start_with_small_disk(kind: Database, megabytes: u32) -> Result<Self, String> {
        // a first start creates the data directory, in which the file system is mounted
        let server = Self::start(kind)?;
        server.stop("fast");
        let small = server.small_disk();
        std::fs::create_dir(&small).map_err(|error| error.to_string())?;
        let size = format!("size={megabytes}m,mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&small)
            .output()
            .map_err(|error| error.to_string())?;
        if !mounted.status.success() {
            return Err("a small file system cannot be mounted here (that needs root)".to_owned());
        }
        let owner = Command::new("chown")
            .arg("--reference")
            .arg(server.folder.join("data"))
            .arg(&small)
            .status();
        assert!(owner.is_ok_and(|status| status.success()), "chown");
        Ok(server.started())
    }

    fn prepare(kind: Database) -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("server-{}-{count}", std::process::id());
        Self {
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
            kind,
            port: 0,
        }
    }

    /// The path of the small disk for a tablespace, which differs in a sandbox.
    pub(crate) fn small_disk_as_it_sees_it(&self) -> String {
        format!(
            "{}/small",
            crate::support::oracle::ask(&self.url(), "SHOW data_directory")[0]
        )
    }

    fn small_disk(&self) -> PathBuf {
        self.folder.join("data/small")
    }

    fn started(mut self) -> Self {
        let port = self.start_again();
        self.port = port;
        self
    }

    /// Starts the server again on the same port; returns when it accepts connections.
    pub(crate) fn start_again(&self) -> u16 {
        let owner = std::process::id().to_string();
        let answer = self.control("start", &[self.kind.as_str(), &owner]);
        let port = answer.split_whitespace().next().expect("a port");
        port.parse().expect("a port")
    }

    /// Stops the server; `how` is `fast` or `immediate`.
    pub(crate) fn stop(&self, how: &str) {
        self.control("stop", &[how]);
    }

    /// Stops all processes of the server; the kernel still acknowledges packets.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Kills all processes of the server.
    pub(crate) fn crash(&self) {
        self.signal("-KILL");
    }

    /// After its next start the server stays in recovery and rejects connections until it is promoted.
    pub(crate) fn recover_until_promoted(&self) {
        let data = self.folder.join("data");
        std::fs::write(data.join("standby.signal"), "").expect("written");
        let settings = data.join("postgresql.conf");
        let mut text = std::fs::read_to_string(&settings).expect("read");
        text.push_str("\nhot_standby = off\n");
        std::fs::write(settings, text).expect("written");
    }

    pub(crate) fn promote(&self) {
        std::fs::write(self.folder.join("data/promote"), "").expect("written");
        let postmaster = self.control("pid", &[]);
        let reported = Command::new("kill").args(["-USR1", &postmaster]).status();
        assert!(reported.is_ok_and(|status| status.success()), "kill -USR1");
    }

    /// Enables TLS with this certificate and key.
    pub(crate) fn speak_tls(&self, certificate: &Path, key: &Path) {
        self.stop("fast");
        let data = self.folder.join("data");
        for (from, to) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = data.join(to);
            std::fs::copy(from, &to).expect("copied");
            let owner = Command::new("chown")
                .arg("--reference")
                .args([&data, &to])
                .status();
            assert!(owner.is_ok_and(|status| status.success()), "chown");
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&to, private).expect("its owner");
        }
        let settings = data.join("postgresql.conf");
        let mut text = std::fs::read_to_string(&settings).expect("read");
        text.push_str("\nssl = on\n");
        std::fs::write(settings, text).expect("written");
        self.start_again();
    }

    /// Makes the server report errors in German.
    ///
    /// # Errors
    /// The reason why the machine does not have this locale.
    pub(crate) fn speak_german(&self) -> Result<(), String> {
        self.stop("fast");
        let data = self.folder.join("data");
        let locales = data.join("locale");
        std::fs::create_dir(&locales).map_err(|error| error.to_string())?;
        let made = Command::new("localedef")
            .args(["-i", "de_DE", "-f", "UTF-8"])
            .arg(locales.join("de_DE.UTF-8"))
            .output()
            .map_err(|error| format!("localedef does not start: {error}"))?;
        if !made.status.success() {
            return Err("there are no sources of locales here: install locales".to_owned());
        }
        let owner = Command::new("chown")
            .arg("-R")
            .arg("--reference")
            .args([&data, &locales])
            .status();
        assert!(owner.is_ok_and(|status| status.success()), "chown");
        let settings = data.join("postgresql.conf");
        let mut text = std::fs::read_to_string(&settings).expect("read");
        text.push_str("\nlc_messages = 'de_DE.UTF-8'\ndeadlock_timeout = 20ms\n");
        std::fs::write(settings, text).expect("written");
        self.start_again();
        Ok(())
    }

    /// The URL of the server for psql and the library.
    pub(crate) fn url(&self) -> String {
        self.url_as("orderbook", "throwaway")
    }

    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        let (port, kind) = (self.port, self.kind.as_str());
        format!("postgresql://{user}:{password}@127.0.0.1:{port}/orderbook_{kind}")
    }

    fn control(&self, command: &str, arguments: &[&str]) -> String {
        self.try_control(command, arguments)
            .unwrap_or_else(|problem| panic!("server {command}: {problem}"))
    }

    fn try_control(&self, command: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/databases"))
            .args(["server", command])
            .arg(&self.folder)
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env_remove("TIMESCALEDB_URL")
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn signal(&self, signal: &str) {
        let postmaster = self.control("pid", &[]);
        send(signal, &postmaster);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // kill the server, since a frozen server does not react to a stop
        if let Ok(postmaster) = self.try_control("pid", &[]) {
            send("-KILL", &postmaster);
        }
        let _ = self.try_control("stop", &["immediate"]);
        if self.small_disk().exists() {
            let _ = Command::new("umount").arg(self.small_disk()).output();
        }
        // the script removes the rest when this process ends
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Sends a signal to the process and all its descendants.
fn send(signal: &str, postmaster: &str) {
    let postmaster: u32 = postmaster.parse().expect("a process id");
    // a process may have ended meanwhile
    let _ = Command::new("kill")
        .arg(signal)
        .arg(postmaster.to_string())
        .args(descendants(postmaster).iter().map(u32::to_string))
        .output();
}

fn may_be_started() -> Result<(), String> {
    let says = |name: &str| std::env::var(name).unwrap_or_default();
    if says("TICKBOOK_DATABASES") != "throwaway" {
        return Err("the databases are given ones, which are not made to fail: use `make faults` without DATABASE_URL and TIMESCALEDB_URL".to_owned());
    }
    if says("DATABASES_BY") != "debian" {
        return Err(
            "Docker runs the servers, whose processes a test cannot reach: set DATABASES_BY=debian"
                .to_owned(),
        );
    }
    Ok(())
}

/// All descendants of the process `ancestor`.
fn descendants(ancestor: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("a /proc").flatten() {
        let Some(pid): Option<u32> = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // a process may end during the search
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // the name of the process, in parentheses before this field, may contain any character
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1))
            .and_then(|parent| parent.parse::<u32>().ok());
        parents.push((pid, parent.unwrap_or_default()));
    }
    let mut found = vec![ancestor];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found.split_off(1)
}
