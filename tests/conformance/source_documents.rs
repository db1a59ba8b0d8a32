//! The names in the source documents against `docs/source-documents.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../docs/source-documents.md");

const VARIABLE: &str = "TICKBOOK_SOURCE_DOCUMENTS";

/// The folder of `TICKBOOK_SOURCE_DOCUMENTS`, otherwise the default folder. If neither is there, returns `None` and
/// counts the test as skipped.
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
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = project.parent()?.join("shared/source-documents");
    if folder.is_dir() {
        return Some(folder);
    }
    suite::skip(format_args!(
        "there are no source documents, set {VARIABLE} to a folder of them"
    ));
    None
}

/// The part of the page about a document, which has its number.
fn section(number: usize) -> &'static str {
    let heading = format!("\n## Document {number}: ");
    let start = PAGE.find(&heading).expect("a section for each document") + 1;
    let end = PAGE[start..].find("\n## ");
    &PAGE[start..end.map_or(PAGE.len(), |length| start + length)]
}

/// The words of the section between backticks, with and without their schema.
fn quoted(section: &'static str) -> BTreeSet<&'static str> {
    let mut words = BTreeSet::new();
    for text in section.split('`').skip(1).step_by(2) {
        words.insert(text);
        for word in text.split([' ', ',', '(']) {
            words.insert(word);
            words.extend(word.split_once('.').map(|(_, name)| name));
        }
    }
    words
}

/// The name at the start of `text`.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
    &text[..end.unwrap_or(text.len())]
}

/// Names of relations, indexes, variables and endpoints in one line of a document.
fn names(line: &str) -> Vec<&str> {
    const OBJECTS: [&str; 5] = [
        "CREATE TABLE ",
        "CREATE INDEX ",
        "CREATE UNIQUE INDEX ",
        "CREATE MATERIALIZED VIEW ",
        "INSERT INTO ",
    ];
    let mut found = Vec::new();
    for object in OBJECTS {
        found.extend(line.split(object).skip(1).map(name));
    }
    // functions of policies and hypertables name their table in quotes
    for call in [
        "create_hypertable('",
        "add_retention_policy('",
        "add_compression_policy('",
    ] {
        found.extend(line.split(call).skip(1).map(name));
    }
    if let Some(endpoint) = line.trim().strip_prefix("GET ") {
        let path = endpoint.trim_start().split([' ', '?', '#']).next();
        found.extend(path.filter(|path| path.starts_with('/')));
    }
    let line = line.trim().trim_start_matches("export ");
    if let Some((variable, _)) = line.split_once('=') {
        let is_variable = |c: char| c.is_ascii_uppercase() || c == '_';
        if !variable.is_empty() && variable.chars().all(is_variable) {
            found.push(variable);
        }
    }
    // lists of hypertables, such as "- `orders` (daily partitioning)"
    if let Some(item) = line.strip_prefix("- `") {
        let partitioned = item.contains("partitioning)");
        found.extend(partitioned.then(|| name(item)));
    }
    found
}

/// The entities of a diagram, such as `STRATEGIES {`, in lower case.
fn entities(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.strip_suffix(" {"));
    let entities = lines.filter(|line| {
        !line.is_empty() && line.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    });
    entities.map(str::to_ascii_lowercase).collect()
}

#[test]
fn page_has_every_name_of_the_documents() {
    let Some(folder) = folder() else {
        return;
    };
    let files = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "md"));
    files.sort();
    assert_eq!(files.len(), 5, "{files:?}");
    let (mut missing, mut found) = (Vec::new(), BTreeSet::new());
    for (place, path) in files.iter().enumerate() {
        let text = String::from_utf8_lossy(&fs::read(path).expect("a document")).into_owned();
        let words = quoted(section(place + 1));
        let entities = entities(&text);
        for name in text
            .lines()
            .flat_map(names)
            .chain(entities.iter().map(String::as_str))
        {
            found.insert((place, name.to_owned()));
            if !name.is_empty() && !words.contains(name) {
                missing.push(format!("document {}: {name}", place + 1));
            }
        }
    }
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(found.len() > 80, "{} names: {found:?}", found.len());
}

#[test]
fn views_of_the_page_are_created() {
    let files = [
        include_str!("../../manual_sql/compatibility_views.sql"),
        include_str!("../../manual_sql/compatibility_market_data.sql"),
        include_str!("../../manual_sql/compatibility_oversight.sql"),
    ];
    let schemas = [
        "s1_databaseschema.",
        "s2_dual.",
        "s3_okx.",
        "s4_trading.",
        "order_manager.",
        "data_capture.",
    ];
    let sql = files.concat();
    let is_view = |text: &&str| schemas.iter().any(|schema| text.starts_with(schema));
    let named: BTreeSet<_> = PAGE.split('`').skip(1).step_by(2).filter(is_view).collect();
    assert!(named.len() > 40, "{named:?}");
    for view in &named {
        let view = view.split('.').take(2).collect::<Vec<_>>().join(".");
        let looped = view.starts_with("s3_okx.market_ohlcv_");
        assert!(
            looped || sql.contains(&format!("VIEW {view} ")),
            "{view} is not created"
        );
    }
    for created in sql.split("CREATE OR REPLACE VIEW ").skip(1).map(name) {
        // all_orders and all_trades are parts of other views, and a loop makes those of single timeframes
        let is_helper = created.contains(".all_") || created.ends_with('.');
        assert!(
            is_helper || !created.contains('.') || named.contains(created),
            "{created} is not on the page"
        );
    }
}

/// Tables that no migration creates yet.
const MISSING: [&str; 2] = ["metric_series", "system_metrics"];

#[test]
fn tables_and_indexes_of_the_page_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sql = String::new();
    for folder in ["migrations_metadata", "migrations_timeseries"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let up = entry.expect("an entry").path().join("up.sql");
            sql.push_str(&fs::read_to_string(up).unwrap_or_default());
        }
    }
    let is_created = |word: &str| {
        ["TABLE ", "INDEX ", "CONSTRAINT "]
            .iter()
            .any(|kind| sql.contains(&format!("{kind}{word} ")))
    };
    let mut missing = Vec::new();
    let mut compared = 0;
    // the second cell of tables of tables and of indexes
    for number in 1..=5 {
        let section = section(number);
        for part in section.split("\n### ").skip(1) {
            if !part.starts_with("Tables") && !part.starts_with("Indexes") {
                continue;
            }
            for row in part.lines().filter(|line| line.starts_with('|')) {
                let cell = row.split(" | ").nth(1).unwrap_or_default();
                for word in cell.split('`').skip(1).step_by(2) {
                    let word = word.split('.').next().unwrap_or_default();
                    let is_candles = word.contains("ohlc_1") || word.contains("ohlc_5");
                    let is_missing = MISSING.contains(&word);
                    if word.starts_with("__") || is_candles || word.contains('…') || is_missing {
                        continue;
                    }
                    compared += 1;
                    if !is_created(word) {
                        missing.push(format!("document {number}: {word}"));
                    }
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(compared > 60, "{compared}");
}
