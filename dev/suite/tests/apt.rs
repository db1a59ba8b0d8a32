//! Tests of `dev/lib/apt.sh`, with substitutes for apt-get and id.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// A machine whose apt-get runs this script, after a check that services are prevented from starting.
    fn new(apt_get: &str) -> Self {
        let machine = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let check = "[ -x \"$TICKBOOK_POLICY\" ] || exit 1";
        for (name, script) in [
            ("apt-get", &*format!("{check}\n{apt_get}")),
            ("id", "echo 0"),
        ] {
            let path = machine.path(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its owner");
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn policy(&self) -> PathBuf {
        self.path("policy-rc.d")
    }

    fn install(&self) -> Child {
        let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lib/apt.sh");
        let script = "set -euo pipefail; say() { :; }; have() { command -v \"$1\" >/dev/null; }
            . \"$0\"; may_install; apt_get_services something";
        let path = std::env::var("PATH").expect("a path");
        Command::new("bash")
            .args(["-c", script])
            .arg(library)
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            .env("TICKBOOK_POLICY", self.policy())
            .env("STARTED", self.path("started"))
            .process_group(0)
            .spawn()
            .expect("bash")
    }
}

#[test]
fn services_may_start_after_an_interrupted_install() {
    let machine = Machine::new("touch \"$STARTED\"; exec sleep 60");
    let mut install = machine.install();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !machine.path("started").exists() {
        assert!(Instant::now() < deadline, "apt-get never ran");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(machine.policy().exists());
    let group = format!("-{}", install.id());
    let reported = Command::new("kill").args(["-TERM", "--", &group]).status();
    assert!(reported.is_ok_and(|status| status.success()));
    let status = install.wait().expect("a child");
    assert_eq!(status.code(), Some(143), "{status}");
    assert!(!machine.policy().exists(), "the policy was not removed");
}

#[test]
fn services_may_start_after_a_failed_install() {
    let machine = Machine::new("exit 100");
    let status = machine.install().wait().expect("a child");
    assert_eq!(status.code(), Some(100), "{status}");
    assert!(!machine.policy().exists(), "the policy was not removed");
}

#[test]
fn remains_of_a_killed_install_are_removed() {
    let machine = Machine::new("exit 0");
    let mut ended = Command::new("true").spawn().expect("true");
    let process = ended.id();
    ended.wait().expect("a child");
    let left = format!("#!/bin/sh\n# made by tickbook, process {process}\nexit 101\n");
    fs::write(machine.policy(), left).expect("written");
    let status = machine.install().wait().expect("a child");
    assert!(status.success(), "{status}");
    assert!(!machine.policy().exists(), "the policy was not removed");
}

#[test]
fn foreign_service_policy_is_kept() {
    let machine = Machine::new("exit 0");
    fs::write(machine.policy(), "#!/bin/sh\nexit 0\n").expect("written");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(machine.policy(), mode).expect("its owner");
    let status = machine.install().wait().expect("a child");
    assert!(status.success(), "{status}");
    let policy = fs::read_to_string(machine.policy()).expect("still there");
    assert_eq!(policy, "#!/bin/sh\nexit 0\n");
}
