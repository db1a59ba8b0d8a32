//! Results of other programs: order states, positions and folds of events.

use std::path::{Path, PathBuf};

const VARIABLE: &str = "TICKBOOK_ORACLES";

/// The folder of `TICKBOOK_ORACLES`, otherwise the default folder. If neither is there, returns `None` and counts
/// the test as skipped.
fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        let folder = PathBuf::from(folder);
        assert!(
            folder.is_dir(),
            "{VARIABLE}: {} is not a folder",
            folder.display()
        );
        return Some(folder);
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .filter(|folder| folder.join("migrations_timeseries").is_dir())
        .last()?;
    let folder = project.parent()?.join("shared/oracles");
    if folder.is_dir() {
        return Some(folder);
    }
    suite::skip(format_args!(
        "there are no oracles, set {VARIABLE} to a folder of them"
    ));
    None
}

/// The text of a file; `None` if the test is skipped.
pub(crate) fn text(file: &str) -> Option<String> {
    let path = folder()?.join(file);
    let text = std::fs::read_to_string(&path);
    Some(text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// A TOML file; `None` if the test is skipped.
pub(crate) fn toml(file: &str) -> Option<toml::Table> {
    let text = text(file)?;
    Some(toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}")))
}
