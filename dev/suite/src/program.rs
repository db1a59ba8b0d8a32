use std::path::PathBuf;

use crate::skip;

/// The variable with the folders of programs that a test may need, with `:` between.
pub const PROGRAMS: &str = "TICKBOOK_PROGRAMS";

/// Where `name` is, for tests that are part of `make test-programs`. `None`, and the test counts as
/// skipped, in any other run.
///
/// # Panics
/// When such tests were asked for and the program is missing.
pub fn program(name: &str) -> Option<PathBuf> {
    let Some(folders) = std::env::var_os(PROGRAMS) else {
        skip(format_args!(
            "it needs {name} and is part of `make test-programs`"
        ));
        return None;
    };
    let there = std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    Some(there.unwrap_or_else(|| panic!("{name} is missing: dev/programs installs it")))
}
