//! The files of the snapshots.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::render::PLAN;

/// Set to 1 to rewrite the files.
const UPDATE: &str = "TICKBOOK_UPDATE_SNAPSHOTS";
/// The file with the versions of the servers whose plans are in the files.
const SERVERS: &str = "servers.txt";

/// The content of the files by the name `<repository>.<method>`.
pub(super) type Snapshots = BTreeMap<String, String>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql")
}

pub(super) fn is_update() -> bool {
    std::env::var(UPDATE).is_ok_and(|value| value == "1")
}

/// The versions of the servers that made the plans.
pub(super) fn servers() -> String {
    std::fs::read_to_string(folder().join(SERVERS)).unwrap_or_default()
}

/// The files.
fn read() -> Snapshots {
    let files = std::fs::read_dir(folder()).expect("the folder of the snapshots");
    let paths = files.map(|file| file.expect("readable").path());
    let snapshots = paths.filter(|path| path.extension().is_some_and(|it| it == "sql"));
    snapshots
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = std::fs::read_to_string(&path).expect("readable");
            (name.into_owned(), text)
        })
        .collect()
}

/// Replaces all files by `recorded`.
pub(super) fn write(recorded: &Snapshots, servers: &str) {
    std::fs::create_dir_all(folder()).expect("made");
    for name in read().keys().filter(|name| !recorded.contains_key(*name)) {
        std::fs::remove_file(folder().join(format!("{name}.sql"))).expect("removed");
    }
    for (name, text) in recorded {
        std::fs::write(folder().join(format!("{name}.sql")), text).expect("written");
    }
    std::fs::write(folder().join(SERVERS), servers).expect("written");
}

/// The text without its plans.
pub(super) fn without_plans(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with(PLAN));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Compares `recorded` with the files, after `change` to both.
///
/// # Panics
/// If they differ; prints the differences.
pub(super) fn compare(recorded: &Snapshots, change: impl Fn(&str) -> String) {
    let expected = read();
    let mut differences = String::new();
    let names = expected.keys().chain(recorded.keys());
    for name in std::collections::BTreeSet::from_iter(names) {
        let [before, after] = [&expected, recorded]
            .map(|all| all.get(name).map_or(String::new(), |text| change(text)));
        if before != after {
            let diff = TextDiff::from_lines(&before, &after);
            let [before, after] =
                ["expected", "recorded"].map(|which| format!("{which}/{name}.sql"));
            let diff = diff.unified_diff().header(&before, &after).to_string();
            let _ = writeln!(differences, "{diff}");
        }
    }
    assert!(
        differences.is_empty(),
        "the statements differ from tests/sql:\n{differences}\nreview the differences; {UPDATE}=1 makes this \
         test write them to the files"
    );
}
