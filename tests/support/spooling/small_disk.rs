//! A small file system in memory, unmounted when it is dropped.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Returns `None` if it cannot be mounted.
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Self { folder };
        let option = format!("size={size}");
        disk.run("mount", &["-t", "tmpfs", "-o", &option, "tmpfs"])
            .then_some(disk)
    }

    pub(crate) fn remount(&self, option: &str) -> bool {
        self.run("mount", &["-o", &format!("remount,{option}")])
    }

    /// Fills the disk completely. Returns the file that occupies the space.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.folder.path().join("ballast");
        let mut file = std::fs::File::create(&path).expect("created");
        for size in [1 << 20, 4096] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        path
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let run = Command::new(program)
            .args(arguments)
            .arg(self.folder.path())
            .output();
        run.is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // lazily, since a failed test may still have files open
        self.run("umount", &["-l"]);
    }
}
