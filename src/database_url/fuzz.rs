use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use suite::Fuzz;

use super::*;

/// A part of every password of the seeds. No error repeats it, because it is not a name of a parameter.
const SECRET: &str = "S3cret";

/// Splits a connection string as libpq does: `name='value'`, with `\` before quotes and backslashes.
fn split(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("='").expect("a name and a quotation mark");
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("the value ends") {
                (at, '\'') => break at,
                (_, '\\') => value.push(chars.next().expect("an escaped character").1),
                (_, other) => value.push(other),
            }
        };
        pairs.push((name.to_owned(), value));
        rest = &after[end + 1..];
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    pairs
}

/// The pairs that the connection string must have.
fn pairs(url: &DatabaseUrl) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
    if !url.hosts.is_empty() {
        let hosts: Vec<_> = url.hosts.iter().map(|(host, _)| host.clone()).collect();
        let port = |(_, port): &(String, Option<u16>)| port.unwrap_or(5432).to_string();
        let ports: Vec<_> = url.hosts.iter().map(port).collect();
        add("host", hosts.join(","));
        add("port", ports.join(","));
    }
    if let Some(user) = url.user() {
        add("user", user.to_owned());
    }
    if let Some(password) = &url.password {
        add("password", password.expose_secret().to_owned());
    }
    add("dbname", url.database().to_owned());
    pairs.extend(url.parameters.iter().cloned());
    pairs
}

/// The URL with every special character escaped.
fn escaped(url: &DatabaseUrl) -> String {
    let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut text = format!("postgresql://{}", escape(url.user().unwrap_or_default()));
    if let Some(password) = &url.password {
        text += &format!(":{}", escape(password.expose_secret()));
    }
    text.push('@');
    let hosts = url.hosts.iter().map(|(host, port)| match port {
        Some(port) => format!("{}:{port}", escape(host)),
        None => escape(host),
    });
    text += &hosts.collect::<Vec<_>>().join(",");
    text += &format!("/{}?", escape(url.database()));
    let parameters = url.parameters.iter();
    let parameters = parameters.map(|(name, value)| format!("{name}={}", escape(value)));
    text + &parameters.collect::<Vec<_>>().join("&")
}

/// The letters of a text, with escapes decoded.
fn letters(text: &str) -> String {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    decoded.chars().filter(|c| c.is_alphabetic()).collect()
}

/// Checks the properties of a URL that was parsed from `text`.
fn check(url: &DatabaseUrl, text: &str) {
    // every part of the text is in a component
    let (_, components) = text.split_once("://").expect("a scheme");
    let parsed = escaped(url);
    let (_, parsed) = parsed.split_once("://").expect("a scheme");
    assert_eq!(letters(parsed), letters(components));
    let connection = url.connection_string();
    assert_eq!(split(connection.expose_secret()), pairs(url));
    assert!(!connection.expose_secret().contains('\0'));
    assert!(!url.database().is_empty());
    let shown = format!("{url} {url:?}");
    if url.password.is_some() {
        let other = url.clone().with_password("another".to_owned().into());
        assert_eq!(format!("{other} {other:?}"), shown);
    }
    let again = DatabaseUrl::parse(&escaped(url)).expect("escaped");
    assert_eq!(pairs(&again), pairs(url));
    assert_eq!(format!("{again} {again:?}"), shown);
    assert_eq!(again.is_local(), url.is_local());
}

#[test]
fn urls_of_any_text_parse_or_fail() {
    let seeds = [
        "postgresql://book:S3cret%40@localhost:5433/ticks?sslmode=disable",
        "postgres://u:S3cret@a:1,[::1]:2,c/ticks?connect_timeout=3&host=/run",
        r"postgres://u:S3cret's\@h/d",
        "postgres:///db?host=@socket",
        "postgresql://u:S3cret@CANARY/w0rd@127.0.0.1:5432/db",
        "postgres://u:a?S3cret@h/d",
        "postgres://u:S3cret%zz@h/d",
        "postgres://u:S3cret@h:99999/d",
        "postgres://u:S3cret@h/d?S3cret=S3cret",
        "postgres://%00:S3cret@[fe80::1%25eth0]/%C3%A9",
        "  postgres://u@h/d  ",
    ];
    let words = [
        "postgresql://",
        "postgres://",
        "%2F",
        "%40",
        "%00",
        "%FF",
        "[::1]",
        SECRET,
    ];
    Fuzz::new("database_url")
        .seeds(seeds)
        .words(words)
        .words(PARAMETERS)
        .run(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let url = match DatabaseUrl::parse(&text) {
                Ok(url) => url,
                Err(error) => {
                    let shown = format!("{error} {error:?}");
                    assert!(!shown.contains(SECRET), "{shown}");
                    return (shown, 0);
                }
            };
            check(&url, &text);
            let names: BTreeSet<_> = pairs(&url).into_iter().map(|(name, _)| name).collect();
            (format!("{names:?}"), url.hosts.len())
        });
}
