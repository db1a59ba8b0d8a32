//! Reads and validates single settings.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use config::{Value, ValueKind};

use super::layers::{VARIABLES, defaults_of};
use crate::domain::excerpt;

/// The settings of a program while they are read. An invalid setting is noted, so that all problems are
/// reported at once, and a placeholder is returned in its place.
///
/// A key such as `myapp.workers` consists of a section of the [defaults](super::SettingsReader::defaults) and
/// a setting.
#[derive(Debug)]
pub struct Sections<'a> {
    pub(super) layers: &'a config::Config,
    pub(super) problems: &'a mut Vec<String>,
    read: BTreeSet<String>,
}

impl<'a> Sections<'a> {
    pub(super) fn new(layers: &'a config::Config, problems: &'a mut Vec<String>) -> Self {
        Self {
            layers,
            problems,
            read: BTreeSet::new(),
        }
    }

    /// Reads the whole number of `key` in `low..=high`. Returns the default of `T` after a problem.
    pub fn number<T: TryFrom<i64> + Default>(&mut self, key: &str, low: i64, high: i64) -> T {
        let number = self.value(key).and_then(|value| whole_number(&value));
        let number = number.filter(|number| (low..=high).contains(number));
        match number.map(T::try_from) {
            Some(Ok(number)) => number,
            _ => {
                let variable = VARIABLES
                    .iter()
                    .find(|(_, known)| *known == key)
                    .map_or(String::new(), |(name, _)| format!(" ({name})"));
                self.problem(format!(
                    "{key}{variable} must be a whole number from {low} to {high}"
                ));
                T::default()
            }
        }
    }

    /// Reads the duration of `key`, in milliseconds from 1 to `high`.
    pub fn millis(&mut self, key: &str, high: i64) -> Duration {
        Duration::from_millis(self.number(key, 1, high))
    }

    /// Reads the flag of `key`, `true` or `false`. Returns `false` after a problem.
    pub fn flag(&mut self, key: &str) -> bool {
        let flag = self.value(key).and_then(|value| value.into_bool().ok());
        flag.unwrap_or_else(|| {
            self.problem(format!("{key} must be true or false"));
            false
        })
    }

    /// Reads the text of `key`. Returns an empty text after a problem, such as a section in its place.
    pub fn text(&mut self, key: &str) -> String {
        let text = self.value(key).and_then(|value| value.into_string().ok());
        text.unwrap_or_else(|| {
            self.problem(format!("{key} must be a text in quotes"));
            String::new()
        })
    }

    /// Parses the text of `key`. The error of `parse` is shown, so it must not contain a password.
    pub fn parsed<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.value(key).and_then(|value| value.into_string().ok());
        let parsed = parse(&text.unwrap_or_default());
        parsed
            .map_err(|error| self.problem(format!("{key}: {error}")))
            .ok()
    }

    /// The names of the sections in a section without defaults, in their order: `kraken` of `[feeds.kraken]`.
    /// Notes a problem for each other content, and for names with other characters than lower-case letters,
    /// digits, `-` and `_`.
    pub fn names(&mut self, section: &str) -> Vec<String> {
        let table = self.layers.get_table(section).unwrap_or_default();
        let mut content: Vec<_> = table.into_iter().collect();
        content.sort_by(|one, other| one.0.cmp(&other.0));
        let plain =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let mut names = Vec::new();
        for (name, value) in content {
            if name.is_empty() || !name.chars().all(plain) {
                self.problem(format!(
                    "invalid name {} in [{section}]: expected lower-case letters, digits, - and _",
                    excerpt(&name)
                ));
            } else if value.into_table().is_err() {
                let problem = "must be a section";
                self.problem(format!(
                    "{section}.{name} {problem}: write [{section}.{name}]"
                ));
            } else {
                names.push(name);
            }
        }
        names
    }

    /// Notes a problem for each setting of `section` that is not one of `known`.
    pub fn only(&mut self, section: &str, known: &[&str]) {
        let table = self.layers.get_table(section).unwrap_or_default();
        let mut keys: Vec<_> = table.into_keys().collect();
        keys.sort_unstable();
        for key in keys.iter().filter(|key| !known.contains(&key.as_str())) {
            let known = known.join(", ");
            self.problem(format!(
                "{section}.{key} is not a setting: expected one of {known}"
            ));
        }
    }

    /// Parses the text of `key`, if it is set. The error of `parse` is shown, so it must not contain a password.
    pub fn optional<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.value(key)?;
        self.parsed(key, parse)
    }

    /// Parses each text of the list `key`, if it is set. A text in place of the list, as in an environment
    /// variable, is separated by commas. Returns only the valid ones after a problem.
    pub fn list<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let value = self.value(key)?;
        let texts: Option<Vec<String>> = match value.kind {
            ValueKind::Array(items) => {
                let texts = items.into_iter().map(|item| item.into_string().ok());
                texts.collect()
            }
            _ => value.into_string().ok().map(|text| {
                let parts = text.split(',').map(|part| part.trim().to_owned());
                parts.filter(|part| !part.is_empty()).collect()
            }),
        };
        let Some(texts) = texts else {
            self.problem(format!("{key} must be a list of texts in brackets"));
            return None;
        };
        let parsed = texts.iter().filter_map(|text| {
            let parsed = parse(text);
            parsed
                .map_err(|error| self.problem(format!("{key}: {error}")))
                .ok()
        });
        Some(parsed.collect())
    }

    /// Reads the name of one of `known`. Notes a problem for any other text.
    pub(super) fn one_of<T: Copy, const N: usize>(
        &mut self,
        key: &str,
        known: [T; N],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.layers.get_string(key).unwrap_or_default();
        let found = known.into_iter().find(|one| name(*one) == text);
        if found.is_none() {
            let names = known.map(name).join(" or ");
            self.problem(format!("{key} must be {names}"));
        }
        found
    }

    /// Notes a problem: the setting, the fault and the remedy, in one line without a password.
    pub fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    fn value(&mut self, key: &str) -> Option<Value> {
        self.read.insert(key.to_owned());
        self.layers.get::<Value>(key).ok()
    }

    /// Notes a problem for each setting of `sections` that was not read and whose type differs from that
    /// of its default.
    pub(super) fn check_types_of_others(&mut self, defaults: &str, is_own: impl Fn(&str) -> bool) {
        let mut sections: Vec<_> = defaults_of(defaults).into_iter().collect();
        sections.sort_by(|one, other| one.0.cmp(&other.0));
        for (section, default) in sections.into_iter().filter(|(section, _)| !is_own(section)) {
            let mut keys: Vec<_> = default
                .into_table()
                .unwrap_or_default()
                .into_iter()
                .collect();
            keys.sort_by(|one, other| one.0.cmp(&other.0));
            for (key, default) in keys {
                let key = format!("{section}.{key}");
                if self.read.contains(&key) {
                    continue;
                }
                let value = self.layers.get::<Value>(&key).ok();
                if let Some(problem) = value.and_then(|value| type_problem(&value, &default)) {
                    self.problem(format!("{key} {problem}"));
                }
            }
        }
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    let text = value.clone().into_string().ok()?;
    text.trim().parse().ok()
}

/// The problem of a value that does not have the type of `default`.
fn type_problem(value: &Value, default: &Value) -> Option<&'static str> {
    let value = value.clone();
    match default.kind {
        ValueKind::Boolean(_) => value
            .into_bool()
            .is_err()
            .then_some("must be true or false"),
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            whole_number(&value)
                .is_none()
                .then_some("must be a whole number")
        }
        ValueKind::Float(_) => value.into_float().is_err().then_some("must be a number"),
        ValueKind::String(_) => value
            .into_string()
            .is_err()
            .then_some("must be a text in quotes"),
        ValueKind::Array(_) => {
            // a text is separated by commas, as in an environment variable
            let is_text = matches!(value.kind, ValueKind::String(_));
            (!is_text && value.into_array().is_err()).then_some("must be a list in brackets")
        }
        ValueKind::Table(_) => value
            .into_table()
            .is_err()
            .then_some("must be a section in braces"),
        ValueKind::Nil => None,
    }
}
