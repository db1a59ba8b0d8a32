//! Tests that tests get the present time in two places only: `suite::now`, and the clock of the conformance
//! suite, which users may replace.

use std::path::{Path, PathBuf};

const CLOCKS: [&str; 2] = ["dev/suite/src/clock.rs", "src/conformance/clock.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// The lines of a file that belong to tests.
fn lines_of_tests(path: &str, text: &str) -> Vec<(usize, String)> {
    let is_test = path.split('/').any(|part| {
        matches!(part, "tests" | "conformance" | "suite" | "tests.rs")
            || part.ends_with("_tests")
            || part.ends_with("_tests.rs")
    });
    let lines = (1..).zip(text.lines().map(str::to_owned));
    if is_test {
        return lines.collect();
    }
    // a module of tests is the last item of its file
    lines
        .skip_while(|(_, line)| line != "mod tests {")
        .collect()
}

#[test]
fn clock_is_read_in_one_place() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = project.canonicalize().expect("there");
    let (mut files, mut found) = (Vec::new(), Vec::new());
    sources(&project, &mut files);
    let mut tests = 0;
    let wanted = ["Utc", "::now()"].concat();
    for file in files {
        let path = file.strip_prefix(&project).expect("inside");
        let path = path.to_string_lossy().replace('\\', "/");
        if CLOCKS.contains(&&*path) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source file");
        for (number, line) in lines_of_tests(&path, &text) {
            tests += 1;
            if line.contains(&wanted) {
                found.push(format!("{path}:{number}"));
            }
        }
    }
    assert!(tests > 20_000, "only {tests} lines of tests were found");
    assert_eq!(found, [] as [&str; 0], "{wanted} instead of suite::now()");
}
