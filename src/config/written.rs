//! Formats settings as TOML.

use config::{Map, Value, ValueKind};

use super::layers::defaults_of;
use crate::database_url::DatabaseUrl;

/// The sections whose subsections have names that the defaults do not list.
const NAMED: [&str; 2] = ["quality.symbols", "feeds"];

/// Formats every setting of the TOML text `defaults`, in its order, with the values of `layers`.
pub(super) fn written(layers: &config::Config, defaults: &str) -> String {
    let text = defaults;
    let defaults = defaults_of(text);
    let values = table(layers.clone());
    let mut parts: Vec<String> = Vec::new();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = name.to_owned();
            if NAMED.contains(&name) {
                parts.extend(named(&values, name));
            } else {
                parts.push(format!("[{section}]"));
            }
            continue;
        }
        let Some((key, _)) = line.split_once(" = ") else {
            continue;
        };
        if key.starts_with('#') {
            continue;
        }
        let default = find(&defaults, &section, key);
        if let (Some(default), Some(value)) = (default, find(&values, &section, key))
            && let Some(part) = parts.last_mut()
        {
            let text = value_text(key, value, Some(default), line);
            part.push_str(&format!("\n{key} = {text}"));
        }
    }
    parts.join("\n\n")
}

fn table(config: config::Config) -> Map<String, Value> {
    config.try_deserialize().unwrap_or_default()
}

/// Finds the value of `key` in `section`; dots separate nested sections.
fn find<'a>(values: &'a Map<String, Value>, section: &str, key: &str) -> Option<&'a Value> {
    let mut inner = values;
    for name in section.split('.') {
        let ValueKind::Table(table) = &inner.get(name)?.kind else {
            return None;
        };
        inner = table;
    }
    inner.get(key)
}

/// Formats each section in `section`, such as the rules of one symbol or the settings of one feed.
fn named(values: &Map<String, Value>, section: &str) -> Vec<String> {
    let found = match section.split_once('.') {
        Some((section, key)) => find(values, section, key),
        None => values.get(section),
    };
    let Some(ValueKind::Table(all)) = found.map(|it| &it.kind) else {
        return Vec::new();
    };
    let mut names: Vec<_> = all.iter().collect();
    names.sort_by_key(|(name, _)| name.as_str());
    let parts = names.into_iter().map(|(name, value)| {
        let ValueKind::Table(rules) = &value.kind else {
            return String::new();
        };
        let mut rules: Vec<_> = rules.iter().collect();
        rules.sort_by_key(|(rule, _)| rule.as_str());
        let rules = rules
            .into_iter()
            .map(|(rule, value)| format!("\n{rule} = {}", value_text(rule, value, None, "")));
        format!("[{section}.{}]{}", quoted(name), rules.collect::<String>())
    });
    parts.collect()
}

/// Formats `value` in the form of `default`; keys of a table have the order of `line`.
fn value_text(key: &str, value: &Value, default: Option<&Value>, line: &str) -> String {
    if let ValueKind::Table(table) = &value.kind {
        let mut keys: Vec<_> = table.iter().collect();
        keys.sort_by_key(|(key, _)| line.find(key.as_str()));
        let parts = keys
            .into_iter()
            .map(|(key, value)| format!("{key} = {}", value_text(key, value, None, line)));
        return format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "));
    }
    if let ValueKind::Array(items) = &value.kind {
        let items = items.iter().map(|item| value_text(key, item, None, line));
        return format!("[{}]", items.collect::<Vec<_>>().join(", "));
    }
    let text = value.clone().into_string().unwrap_or_default();
    if key == "url" || key.ends_with("_url") {
        return quoted(&without_password(&text));
    }
    let is_bare = match default.unwrap_or(value).kind {
        ValueKind::Boolean(_) => matches!(text.as_str(), "true" | "false"),
        ValueKind::String(_) => false,
        _ => text.parse::<i64>().is_ok() || (default.is_none() && text.parse::<f64>().is_ok()),
    };
    if is_bare { text } else { quoted(&text) }
}

fn without_password(url: &str) -> String {
    match DatabaseUrl::parse(url) {
        Ok(url) => url.to_string(),
        Err(_) if url.is_empty() => String::new(),
        Err(_) => "***".to_owned(),
    }
}

/// Formats `text` as a basic TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
