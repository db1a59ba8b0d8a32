//! Splits SQL files into statements, so that they can be sent one at a time.
//!
//! The server runs several statements in one text as an implicit transaction, in which some statements of
//! TimescaleDB are not allowed.

/// The statements of `sql` in order, without semicolons, surrounding blanks and preceding comments.
pub(super) fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = skip_blank(sql);
    while !rest.is_empty() {
        let length = statement_length(rest);
        found.push(rest[..length].trim_end());
        rest = skip_blank(&rest[length..]);
    }
    found
}

/// `sql` without leading blanks, semicolons and comments.
fn skip_blank(sql: &str) -> &str {
    let blank = |c: char| c.is_whitespace() || c == ';';
    let mut rest = sql.trim_start_matches(blank);
    while let Some(length) = comment_length(rest) {
        rest = rest[length..].trim_start_matches(blank);
    }
    rest
}

/// The length in bytes of the first statement, without its semicolon.
fn statement_length(sql: &str) -> usize {
    let mut at = 0;
    while let Some(next) = sql[at..].chars().next() {
        let rest = &sql[at..];
        at += match next {
            ';' => return at,
            '\'' | '"' => quoted_length(rest, next),
            '$' => dollar_quoted_length(rest).unwrap_or(1),
            _ => comment_length(rest).unwrap_or(next.len_utf8()),
        };
    }
    at
}

/// The length of the comment at the start of `sql`. Does not support nested comments.
fn comment_length(sql: &str) -> Option<usize> {
    if sql.starts_with("--") {
        return Some(sql.find('\n').map_or(sql.len(), |end| end + 1));
    }
    let inside = sql.strip_prefix("/*")?;
    Some(inside.find("*/").map_or(sql.len(), |end| end + 4))
}

/// The length of a text in `quote`s; a doubled quote ends it and starts the next one.
fn quoted_length(sql: &str, quote: char) -> usize {
    sql[1..].find(quote).map_or(sql.len(), |end| end + 2)
}

/// The length of a text between two `$tag$`; `None` if the dollar does not start a tag.
fn dollar_quoted_length(sql: &str) -> Option<usize> {
    let tag_end = sql[1..].find('$')? + 2;
    let tag = &sql[..tag_end];
    let is_tag = tag[1..tag_end - 1]
        .chars()
        .all(|c| c.is_alphanumeric() || c == '_');
    if !is_tag {
        return None;
    }
    let inside = &sql[tag_end..];
    Some(inside.find(tag).map_or(sql.len(), |end| end + 2 * tag_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolon_ends_a_statement() {
        assert_eq!(
            statements("select 1; select 2 ;\n"),
            ["select 1", "select 2"]
        );
        assert_eq!(statements("select 1"), ["select 1"]);
        assert!(statements(" ;; -- nothing\n/* ; */").is_empty());
    }

    #[test]
    fn semicolon_in_quotes_or_comments_is_ignored() {
        for statement in [
            "select 'a;''b;'",
            r#"select ";" from x"#,
            "do $$ begin; end; $$",
            "do $body$ select '$$;' ; $body$",
            "select 1 -- no; end\n + 1",
            "select /* ; */ 1",
            "select $1",
        ] {
            let two = format!("-- first; comment\n{statement};\n{statement};");
            assert_eq!(statements(&two), [statement, statement]);
        }
    }

    #[test]
    fn manual_files_are_split_into_statements() {
        let aggregates = statements(include_str!("../../manual_sql/continuous_aggregates.sql"));
        let made = |start: &str| {
            let starts = aggregates.iter().filter(|one| one.starts_with(start));
            starts.count()
        };
        assert_eq!(made("CREATE MATERIALIZED VIEW IF NOT EXISTS ohlc_"), 7);
        assert_eq!(made("COMMENT ON VIEW ohlc_"), 7);
        assert_eq!(made("CALL refresh_continuous_aggregate('ohlc_"), 7);
        for statement in &aggregates {
            let known = ["CREATE ", "COMMENT ", "DO ", "CALL "];
            assert!(
                known.iter().any(|word| statement.starts_with(word)),
                "{statement}"
            );
        }
    }
}
