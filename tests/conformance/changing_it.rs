//! The lists of files in `docs/changing-it.md` against the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../docs/changing-it.md");

/// The changes, and the largest number of files that each may need.
const CHANGES: [(&str, usize); 10] = [
    ("Timeframe", 8),
    ("Price basis", 7),
    ("Column of ticks", 9),
    ("Repository", 15),
    ("REST route", 2),
    ("Feed adapter", 4),
    ("Data-quality rule", 3),
    ("Retry delays", 4),
    ("Class of errors", 4),
    ("Import format", 3),
];

/// The folders with source text, for the names of tests.
const SOURCES: [&str; 5] = ["src", "tests", "server", "cli", "feeds"];

/// One change: its heading, the stated number of files, and the rows of its table.
struct Change {
    heading: &'static str,
    stated: usize,
    rows: Vec<[&'static str; 3]>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn changes(page: &'static str) -> Vec<Change> {
    let sections = page.split("\n## ").skip(1);
    sections
        .map(|section| {
            let (heading, text) = section.split_once('\n').expect("a text");
            let (_, stated) = text.split_once("Files: ").expect("a number of files");
            let end = stated.find(|c: char| !c.is_ascii_digit());
            let (_, table) = text.split_once("| --- | --- | --- |\n").expect("a table");
            let rows = table.lines().take_while(|line| line.starts_with('|'));
            Change {
                heading,
                stated: stated[..end.expect("a full stop")].parse().expect("digits"),
                rows: rows.map(cells).collect(),
            }
        })
        .collect()
}

fn cells(row: &'static str) -> [&'static str; 3] {
    let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    cells.try_into().expect("three cells")
}

/// The texts between backticks.
fn quoted(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of all functions in the sources of tests and modules.
fn functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders: Vec<PathBuf> = SOURCES.iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let source = fs::read_to_string(path).expect("a source file");
                for part in source.split("fn ").skip(1) {
                    let end = part.find(|c: char| !c.is_alphanumeric() && c != '_');
                    names.insert(part[..end.unwrap_or(part.len())].to_owned());
                }
            }
        }
    }
    names
}

#[test]
fn page_lists_each_change_within_its_limit() {
    let changes = changes(PAGE);
    let headings: Vec<_> = changes.iter().map(|change| change.heading).collect();
    assert_eq!(headings, CHANGES.map(|(heading, _)| heading));
    for (change, (heading, most)) in changes.iter().zip(CHANGES) {
        let files: BTreeSet<_> = change.rows.iter().map(|[file, ..]| file).collect();
        assert_eq!(files.len(), change.rows.len(), "{heading}: a file twice");
        assert_eq!(files.len(), change.stated, "{heading}: the stated number");
        assert!(files.len() <= most, "{heading}: {} files", files.len());
    }
}

#[test]
fn listed_files_exist() {
    let mut missing = Vec::new();
    let mut found = 0;
    for change in changes(PAGE) {
        for [file, ..] in change.rows {
            let mut paths = quoted(file);
            let path = paths.next().expect("a path in backticks");
            assert_eq!(paths.next(), None, "{file}: one file in each row");
            found += 1;
            if !root().join(path).exists() {
                missing.push(format!("{}: {path}", change.heading));
            }
        }
    }
    assert!(found > 40, "{found} files");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn paths_in_the_text_exist() {
    let is_path = |text: &&str| text.contains('/') && !text.contains([' ', '{', '*', '<']);
    for path in quoted(PAGE).filter(is_path) {
        assert!(root().join(path).exists(), "{path}");
    }
}

#[test]
fn reporting_tests_exist() {
    let functions = functions();
    let mut found = 0;
    for change in changes(PAGE) {
        for [file, _, reported_by] in change.rows {
            let names: Vec<_> = quoted(reported_by).collect();
            for name in &names {
                assert!(functions.contains(*name), "{file}: {name}");
                found += 1;
            }
            let is_known = ["compiler", "review"]
                .iter()
                .any(|it| reported_by.contains(it));
            assert!(is_known || !names.is_empty(), "{file}: {reported_by}");
        }
    }
    assert!(found > 15, "{found} tests");
}
