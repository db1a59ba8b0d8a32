//! Settings of the data-quality rules.

use std::collections::BTreeMap;

use config::{Map, Value};

use super::Sections;
use crate::ingest::quality::QualityRules;

/// Data-quality rules by symbol.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QualityConfig {
    /// The rules of symbols without rules of their own.
    pub rules: QualityRules,
    /// Rules by symbol: by name such as `oanda:EURUSD`, by `EURUSD` if only one symbol has that name, or by
    /// id.
    pub symbols: BTreeMap<String, QualityRules>,
}

/// The key of the sections of single symbols.
const SYMBOLS: &str = "symbols";

impl Sections<'_> {
    pub(super) fn quality(&mut self) -> QualityConfig {
        let section = self.layers.get_table("quality").unwrap_or_default();
        let rules = self.rules("quality", &section, QualityRules::default());
        let of_symbols = section.get(SYMBOLS).cloned();
        let of_symbols = of_symbols.and_then(|symbols| symbols.into_table().ok());
        let mut symbols = BTreeMap::new();
        for (symbol, value) in of_symbols.unwrap_or_default() {
            let place = format!("quality.symbols.\"{symbol}\"");
            match value.into_table() {
                Ok(table) => {
                    let rules = self.rules(&place, &table, rules.clone());
                    symbols.insert(symbol, rules);
                }
                Err(_) => self
                    .problems
                    .push(format!("{place} must be a section: write [{place}]")),
            }
        }
        QualityConfig { rules, symbols }
    }

    fn rules(
        &mut self,
        place: &str,
        table: &Map<String, Value>,
        mut rules: QualityRules,
    ) -> QualityRules {
        let mut keys: Vec<_> = table.iter().collect();
        keys.sort_by_key(|(key, _)| key.as_str());
        for (key, value) in keys {
            if key == SYMBOLS && place == "quality" {
                continue;
            }
            let text = value.clone().into_string().unwrap_or_default();
            if let Err(problem) = rules.set(key, text.trim()) {
                self.problems.push(format!("{place}.{key} {problem}"));
            }
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rust_decimal::Decimal;

    use super::*;
    use crate::config::Config;
    use crate::ingest::quality::RuleAction;

    fn load(text: &str) -> Result<QualityConfig, Vec<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("default.toml"), text).expect("written");
        Config::load_from(folder.path(), [])
            .map(|config| config.quality)
            .map_err(|error| error.problems)
    }

    #[test]
    fn compiled_settings_equal_the_default_rules() {
        let config = Config::load_from(Path::new(""), []).expect("valid");
        assert_eq!(config.quality, QualityConfig::default());
    }

    #[test]
    fn symbol_rules_inherit_the_rules_of_all_symbols() {
        let config = load(
            "[quality]\ndeviation = \"flag\"\ndeviation_limit = 0.5\n\
             [quality.symbols.\"oanda:EURUSD\"]\ndeviation = \"quarantine\"\n\
             [quality.symbols.7]\ndeviation_limit = \"0.001\"",
        );
        let config = config.expect("valid");
        let half = Decimal::new(5, 1);
        assert_eq!(config.rules.deviation, RuleAction::Flag);
        assert_eq!(config.rules.deviation_limit, half);
        let euro = &config.symbols["oanda:EURUSD"];
        assert_eq!(euro.deviation, RuleAction::Quarantine);
        assert_eq!(euro.deviation_limit, half);
        let seven = &config.symbols["7"];
        assert_eq!(seven.deviation, RuleAction::Flag);
        assert_eq!(seven.deviation_limit, Decimal::new(1, 3));
        assert_eq!(config.symbols.len(), 2);
    }

    #[test]
    fn every_mistake_is_reported_with_its_place() {
        let problems = load(
            "[quality]\ncrossed = \"drop\"\nz_score_window = 29\ndeviation_limit = \"-0.1\"\n\
             [quality.symbols.\"oanda:EURUSD\"]\ndelayed_limit_ms = \"soon\"\nspread = 1",
        );
        let problems = problems.expect_err("five mistakes");
        for place in [
            "quality.crossed must be off, flag or quarantine",
            "quality.z_score_window must be a whole number from 30 to 10000",
            "quality.deviation_limit must be a number",
            "quality.symbols.\"oanda:EURUSD\".delayed_limit_ms must be a whole number",
            "quality.symbols.\"oanda:EURUSD\".spread is not a setting",
        ] {
            let reported = problems.iter().filter(|problem| problem.starts_with(place));
            assert_eq!(reported.count(), 1, "{place}: {problems:#?}");
        }
        assert_eq!(problems.len(), 5, "{problems:#?}");
    }
}
