//! Programs that make further sessions of the recorded ones.

use std::ffi::OsStr;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;
use std::process::Command;

use crate::sessions;

/// The recorded sessions and the programs beside them.
pub(crate) struct Programs {
    python: PathBuf,
    pub(crate) folder: PathBuf,
}

impl Programs {
    /// `None` if there are no sessions, or no Python in this run; the test counts as skipped then.
    pub(crate) fn find() -> Option<Self> {
        let python = suite::program("python3")?;
        let folder = sessions::folder()?;
        Some(Self { python, folder })
    }

    /// Runs a program of the folder.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = A>,
    ) {
        let output = Command::new(&self.python)
            .arg("-B")
            .arg(self.folder.join(program))
            .args(arguments)
            .env("TICKBOOK_VENUE_SESSIONS", &self.folder)
            .output()
            .expect("Python");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {errors}");
    }
}

/// The seed of `TICKBOOK_SEED`, otherwise another one in each run; prints it.
pub(crate) fn seed() -> String {
    let seed = std::env::var("TICKBOOK_SEED");
    let seed = seed.unwrap_or_else(|_| RandomState::new().build_hasher().finish().to_string());
    println!("set TICKBOOK_SEED={seed} to see the same faults again");
    seed
}
