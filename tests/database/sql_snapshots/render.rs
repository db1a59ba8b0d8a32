//! Statements and plans as readable text that is the same in every run.

use std::fmt::Write as _;

use serde_json::Value;

use super::recorder::Sent;

/// Words that begin a line of their own.
const CLAUSES: [&str; 24] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "OFFSET",
    "UNION",
    "JOIN",
    "LEFT JOIN",
    "LEFT OUTER JOIN",
    "INNER JOIN",
    "CROSS JOIN",
    "WITH",
    "INSERT INTO",
    "VALUES",
    "ON CONFLICT",
    "RETURNING",
    "UPDATE",
    "SET",
    "DELETE FROM",
    "USING",
    "FOR UPDATE",
];
/// Parts of the names of catalogs. Their plans depend on everything else in the database.
const CATALOGS: [&str; 2] = ["timescaledb_", "pg_class"];
/// The longest line of a statement, unless a word is longer.
const WIDTH: usize = 100;

/// The statement with one clause per line, and its plans as comments. `schema` is the name of the test's
/// schema, which differs in every run.
pub(super) fn statement(sent: &Sent, schema: &str) -> String {
    let mut text = format!("-- {}\n", sent.database);
    for line in clauses(&without_ids(&named(
        &sent.sql.replace(schema, "test_schema"),
    ))) {
        text.push_str(&line);
        text.push('\n');
    }
    text.insert(text.len() - 1, ';');
    if CATALOGS.iter().any(|catalog| sent.sql.contains(catalog)) {
        let _ = writeln!(text, "{PLAN}of a catalog, which other schemas change");
        return text;
    }
    for tree in &sent.plans {
        let mut lines = Vec::new();
        plan(tree, 0, &mut lines);
        for line in lines {
            let _ = writeln!(text, "{PLAN}{}", line.replace(schema, "test_schema"));
        }
    }
    text
}

/// The start of the lines of plans.
pub(super) const PLAN: &str = "--|";

fn clauses(sql: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut depth = 0_usize;
    let words = words(sql);
    for (index, word) in words.iter().enumerate() {
        let rest = words[index..].join(" ");
        let begins = CLAUSES.iter().any(|clause| {
            let after = rest.strip_prefix(clause);
            after.is_some_and(|after| after.is_empty() || after.starts_with([' ', '(']))
        });
        // the second word of a clause continues its line
        let joins = index > 0
            && ["LEFT", "OUTER", "INNER", "CROSS"].contains(&words[index - 1].as_str())
            && word == "JOIN"
            || index > 0
                && word == "FROM"
                && ["DELETE", "DISTINCT"].contains(&words[index - 1].as_str())
            || index > 0 && word == "UPDATE" && ["FOR", "DO"].contains(&words[index - 1].as_str());
        let line = lines.last().expect("at least one");
        let is_long = line.trim_start().len() + word.len() >= WIDTH;
        if (begins && !joins || is_long) && !line.trim().is_empty() {
            let further = usize::from(is_long && (joins || !begins));
            lines.push("  ".repeat(depth + further));
        }
        let line = lines.last_mut().expect("at least one");
        if !line.trim().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if !word.starts_with('\'') {
            depth += word.matches('(').count();
            depth = depth.saturating_sub(word.matches(')').count());
        }
    }
    lines
}

/// The words of `sql` between blanks; a quoted text with blanks is one word.
fn words(sql: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in sql.chars() {
        is_quoted ^= c == '\'';
        if c.is_whitespace() && !is_quoted {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Replaces the numbers of chunks and of tables of aggregates, which differ in every run.
fn named(text: &str) -> String {
    let mut parts = text.split("_hyper");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.strip_prefix("table").unwrap_or(part);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '_');
        let (numbers, rest_of_name) = rest.split_at(end.unwrap_or(rest.len()));
        named.push_str("_hyper");
        named.push_str(&part[..part.len() - rest.len()]);
        let places = numbers
            .split('_')
            .map(|number| if number.is_empty() { "" } else { "N" });
        named.push_str(&places.collect::<Vec<_>>().join("_"));
        named.push_str(rest_of_name);
    }
    named
}

/// Replaces the ids of hypertables in statements and conditions, which differ in every run.
fn without_ids(text: &str) -> String {
    let mut text = text.to_owned();
    for (before, after) in [
        ("id IN (0, ", ")"),
        ("hypertable_id IN (", ")"),
        ("SELECT 1, ", ", hash"),
    ] {
        let mut parts = text.split(before);
        let mut replaced = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            replaced.push_str(before);
            let (ids, rest) = part.split_at(part.find(after).unwrap_or(0));
            let is_list = ids.chars().all(|c| c.is_ascii_digit() || ", ".contains(c));
            replaced.push_str(if is_list && !ids.is_empty() { "N" } else { ids });
            replaced.push_str(rest);
        }
        text = replaced;
    }
    text
}

/// Adds the lines of a plan: kind of the node, relation, index and condition of the index.
fn plan(node: &Value, depth: usize, lines: &mut Vec<String>) {
    let field = |name: &str| node[name].as_str().map(str::to_owned);
    let mut line = "  ".repeat(depth);
    if let Some(name) = field("Subplan Name") {
        let _ = write!(line, "{name}: ");
    }
    line += &field("Custom Plan Provider")
        .or(field("Node Type"))
        .unwrap_or_default();
    for detail in [
        "Operation",
        "Strategy",
        "Partial Mode",
        "Join Type",
        "Command",
    ] {
        let usual = ["Simple", "Inner", "Plain"];
        if let Some(detail) = field(detail).filter(|detail| !usual.contains(&detail.as_str())) {
            let _ = write!(line, " {detail}");
        }
    }
    if field("Scan Direction").as_deref() == Some("Backward") {
        line += " Backward";
    }
    for (word, name) in [
        ("using", "Index Name"),
        ("on", "Relation Name"),
        ("of", "Function Name"),
        ("of", "CTE Name"),
    ] {
        if let Some(name) = field(name) {
            let _ = write!(line, " {word} {}", relation(&name));
        }
    }
    lines.push(line);
    for (word, name) in [
        ("index condition", "Index Cond"),
        ("join", "Hash Cond"),
        ("join", "Merge Cond"),
    ] {
        if let Some(condition) = field(name) {
            let indent = "  ".repeat(depth + 2);
            lines.push(format!("{indent}{word}: {}", without_values(&condition)));
        }
    }
    let children = node["Plans"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut before: Option<(usize, Vec<String>)> = None;
    for child in children {
        let mut of_child = Vec::new();
        plan(child, depth + 1, &mut of_child);
        // chunks that are read in the same way are shown once
        match &mut before {
            Some((count, of_before)) if *of_before == of_child => *count += 1,
            _ => add(before.replace((1, of_child)), lines),
        }
    }
    add(before, lines);
}

fn add(part: Option<(usize, Vec<String>)>, lines: &mut Vec<String>) {
    let Some((count, mut part)) = part else {
        return;
    };
    if count > 1 {
        let _ = write!(part[0], " ({count} times)");
    }
    lines.append(&mut part);
}

/// The name of a relation or an index without the numbers of its chunk.
fn relation(name: &str) -> String {
    let is_of_chunk = name.starts_with(|c: char| c.is_ascii_digit());
    let name = named(name);
    match name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_') {
        rest if is_of_chunk => format!("N_{rest}"),
        _ => name,
    }
}

/// A condition with `?` for every literal.
fn without_values(condition: &str) -> String {
    let parts = condition.split('\'').enumerate();
    let text: String = parts
        .map(|(index, part)| if index % 2 == 0 { part } else { "?" })
        .collect();
    named(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_begin_lines() {
        let sql = "SELECT a, 'x FROM y' FROM t LEFT JOIN u USING (a) WHERE b IN (SELECT 1 FROM v) \
                   ORDER BY a FOR UPDATE";
        let lines = [
            "SELECT a, 'x FROM y'",
            "FROM t",
            "LEFT JOIN u",
            "USING (a)",
            "WHERE b IN (SELECT 1",
            "  FROM v)",
            "ORDER BY a",
            "FOR UPDATE",
        ];
        assert_eq!(clauses(sql), lines);
    }

    #[test]
    fn numbers_of_chunks_are_left_out() {
        assert_eq!(named("a._hyper_12_345_chunk.b"), "a._hyper_N_N_chunk.b");
        assert_eq!(
            named("_materialized_hypertable_12"),
            "_materialized_hypertable_N"
        );
        assert_eq!(relation("12_345_ticks_pkey"), "N_ticks_pkey");
        assert_eq!(
            relation("_hyper_1_2_chunk_by_time"),
            "_hyper_N_N_chunk_by_time"
        );
        assert_eq!(relation("symbols_pkey"), "symbols_pkey");
        let condition = without_values("((a = '7'::bigint) AND (b >= 'x'::text))");
        assert_eq!(condition, "((a = ?::bigint) AND (b >= ?::text))");
    }

    #[test]
    fn ids_of_hypertables_are_left_out() {
        let text = without_ids("SELECT 1, 2, hash WHERE hypertable_id IN (1, 22) AND id IN (0, 3)");
        let expected = "SELECT 1, N, hash WHERE hypertable_id IN (N) AND id IN (0, N)";
        assert_eq!(text, expected);
    }

    #[test]
    fn equal_plans_of_chunks_are_counted() {
        let chunk = |number: u32| serde_json::json!({"Node Type": "Seq Scan", "Relation Name": format!("_hyper_1_{number}_chunk")});
        let tree = serde_json::json!({"Node Type": "Append", "Plans": [chunk(1), chunk(22)]});
        let mut lines = Vec::new();
        plan(&tree, 0, &mut lines);
        assert_eq!(
            lines,
            ["Append", "  Seq Scan on _hyper_N_N_chunk (2 times)"]
        );
    }
}
