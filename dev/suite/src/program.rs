use std::path::PathBuf;

use crate::skip;

/// The variable with the directories of programs that tests may need, separated by `:`.
pub const PROGRAMS: &str = "TICKBOOK_PROGRAMS";

/// Finds the program `name`, for tests that are part of `make test-programs`. In any other run it returns
/// `None` and the test counts as skipped.
///
/// # Panics
/// If such tests were requested and the program is missing.
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

/// Finds the program `name`, for tests that run only where the program could be installed. Otherwise it returns `None`
/// and the test counts as skipped.
pub fn optional_program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os(PROGRAMS).unwrap_or_default();
    let mut programs = std::env::split_paths(&folders).map(|folder| folder.join(name));
    let found = programs.find(|path| path.is_file());
    if found.is_none() {
        skip(format_args!(
            "it needs {name}, which `make test-programs` installs if it can"
        ));
    }
    found
}
