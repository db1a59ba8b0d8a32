//! Settings of retention, compression and refreshes.

use std::collections::BTreeMap;

use config::Value;

use super::Sections;
use crate::domain::Timeframe;
use crate::retention::{PolicyDuration, RefreshPolicy, RetentionPolicies, TablePolicies};

/// The text for "never".
const NONE: &str = "none";

type Table = config::Map<String, Value>;

impl Sections<'_> {
    pub(super) fn policies(&mut self) -> Option<RetentionPolicies> {
        let lateness = self.duration("policies.lateness", self.text_of("policies.lateness"));
        let every = "policies.maintain_every";
        let maintain_every = self.duration(every, self.text_of(every));
        let ticks = self.table_policies("policies.ticks");
        let trades = self.table_policies("policies.trades");
        let candles = self.table_policies("policies.candles");
        let books = self.table_policies("policies.books");
        let refresh = self.refresh();
        Some(RetentionPolicies {
            lateness: lateness?,
            maintain_every: maintain_every?,
            ticks: ticks?,
            trades: trades?,
            candles: candles?,
            books: books?,
            refresh: refresh?,
        })
    }

    fn table_policies(&mut self, section: &str) -> Option<TablePolicies> {
        let table = self.table(section, &["chunk", "compress_after", "drop_after"]);
        let chunk = self.duration_in(&table, section, "chunk");
        let compress_after = self.duration_or_none(&table, section, "compress_after");
        let drop_after = self.duration_or_none(&table, section, "drop_after");
        Some(TablePolicies {
            chunk: chunk?,
            compress_after: compress_after?,
            drop_after: drop_after?,
        })
    }

    fn refresh(&mut self) -> Option<BTreeMap<Timeframe, RefreshPolicy>> {
        let names = Vec::from_iter(Timeframe::ALL.iter().map(|it| it.as_str()));
        let tables = self.table("policies.refresh", &names);
        let mut all = BTreeMap::new();
        for &timeframe in Timeframe::ALL {
            let section = format!("policies.refresh.{timeframe}");
            let table = tables.get(timeframe.as_str()).cloned();
            let table = table.and_then(|table| table.into_table().ok());
            let Some(table) = table else {
                self.problems.push(format!(
                    "{section} must be a table: write {timeframe} = {{ start_offset = \"3d\", \
                     end_offset = \"1d\", every = \"5m\" }}"
                ));
                continue;
            };
            self.refuse_unknown(&table, &section, &["start_offset", "end_offset", "every"]);
            let start_offset = self.duration_or_none(&table, &section, "start_offset");
            let end_offset = self.duration_in(&table, &section, "end_offset");
            let every = self.duration_in(&table, &section, "every");
            if let (Some(start_offset), Some(end_offset), Some(every)) =
                (start_offset, end_offset, every)
            {
                let policy = RefreshPolicy {
                    start_offset,
                    end_offset,
                    every,
                };
                all.insert(timeframe, policy);
            }
        }
        (all.len() == Timeframe::ALL.len()).then_some(all)
    }

    fn table(&mut self, section: &str, known: &[&str]) -> Table {
        let table = self.layers.get_table(section).unwrap_or_default();
        self.refuse_unknown(&table, section, known);
        table
    }

    fn refuse_unknown(&mut self, table: &Table, section: &str, known: &[&str]) {
        let mut unknown: Vec<_> = table
            .keys()
            .filter(|key| !known.contains(&key.as_str()))
            .collect();
        unknown.sort_unstable();
        let names = known.join(", ");
        for key in unknown {
            self.problems.push(format!(
                "{section}.{key} is not a setting: expected one of {names}"
            ));
        }
    }

    fn text_of(&self, key: &str) -> Option<String> {
        self.layers.get_string(key).ok()
    }

    fn duration_in(&mut self, table: &Table, section: &str, key: &str) -> Option<PolicyDuration> {
        let text = table.get(key).cloned().and_then(|it| it.into_string().ok());
        self.duration(&format!("{section}.{key}"), text)
    }

    /// Returns `Some(None)` for the text `none`, and `None` if a problem was noted.
    fn duration_or_none(
        &mut self,
        table: &Table,
        section: &str,
        key: &str,
    ) -> Option<Option<PolicyDuration>> {
        let text = table.get(key).cloned().and_then(|it| it.into_string().ok());
        if text.as_deref() == Some(NONE) {
            return Some(None);
        }
        self.duration(&format!("{section}.{key}"), text).map(Some)
    }

    fn duration(&mut self, key: &str, text: Option<String>) -> Option<PolicyDuration> {
        let parsed = text.unwrap_or_default().parse();
        match parsed {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.problems.push(format!("{key}: {error}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<RetentionPolicies, Vec<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("default.toml"), file).expect("written");
        let variables = variables.iter().map(|(name, value)| {
            let (name, value) = (*name, *value);
            (name.to_owned(), value.to_owned())
        });
        Config::load_from(folder.path(), variables)
            .map(|config| config.policies)
            .map_err(|invalid| invalid.problems)
    }

    #[test]
    fn default_file_has_the_compiled_defaults() {
        let config = Config::load_from(Path::new("/nowhere"), []).expect("valid");
        assert_eq!(config.policies, RetentionPolicies::default());
    }

    #[test]
    fn printed_policies_read_back() {
        let mut policies = RetentionPolicies {
            lateness: PolicyDuration::hours(30),
            ..RetentionPolicies::default()
        };
        policies.candles.drop_after = None;
        policies.ticks.compress_after = None;
        let day = policies.refresh.get_mut(&Timeframe::D1);
        day.expect("there").start_offset = Some(PolicyDuration::days(5));
        assert_eq!(load(&policies.to_string(), &[]), Ok(policies));
    }

    #[test]
    fn environment_overrides_files() {
        let variables = [
            ("TICKBOOK__POLICIES__TICKS__DROP_AFTER", "30d"),
            ("TICKBOOK__POLICIES__LATENESS", "2h"),
        ];
        let policies = load("[policies.ticks]\ndrop_after = \"40d\"", &variables);
        let policies = policies.expect("valid");
        assert_eq!(policies.ticks.drop_after, Some(PolicyDuration::days(30)));
        assert_eq!(policies.lateness, PolicyDuration::hours(2));
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let file = "[policies]\nlateness = \"soon\"\n[policies.ticks]\nchunk = \"none\"\n\
                    keep = \"1d\"\n[policies.refresh]\n1m = 7\n2m = {}\n\
                    1d = { start_offset = \"3 days\" }";
        let problems = load(file, &[]).expect_err("wrong").join("\n");
        for expected in [
            "policies.lateness: invalid length of time \"soon\"",
            "policies.ticks.chunk: invalid length of time \"none\"",
            "policies.ticks.keep is not a setting: expected one of chunk, compress_after, drop_after",
            "policies.refresh.1m must be a table",
            "policies.refresh.2m is not a setting",
            "policies.refresh.1d.start_offset: invalid length of time \"3 days\"",
        ] {
            assert!(problems.contains(expected), "{expected}: {problems}");
        }
    }
}
