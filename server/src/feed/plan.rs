//! The feeds to run: those of the command line with the settings of their names, or all feeds of the settings.

use std::collections::BTreeMap;

use super::{FeedArgs, FeedChoice};
use crate::settings::{FeedConfig, FeedKind};

/// A feed to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPlan {
    /// The name.
    pub name: String,
    /// The settings.
    pub config: FeedConfig,
}

impl FeedPlan {
    fn chosen(
        choice: &FeedChoice,
        configured: &BTreeMap<String, FeedConfig>,
    ) -> Result<Self, String> {
        let name = &choice.name;
        let mut config = match (configured.get(name), name.parse()) {
            (Some(config), _) => config.clone(),
            (None, Ok(kind)) => FeedConfig::of(kind),
            (None, Err(error)) => {
                return Err(format!(
                    "--feed {name}: there is no section [feeds.{name}], and {error}"
                ));
            }
        };
        if !choice.symbols.is_empty() {
            config.symbols.clone_from(&choice.symbols);
        }
        let name = name.clone();
        Ok(Self { name, config })
    }

    fn is(&self, kind: FeedKind) -> bool {
        self.config.kind == kind
    }

    /// Whether the feed has everything that its kind needs, and nothing that has no effect.
    fn check(&self) -> Result<(), String> {
        let (name, config) = (&self.name, &self.config);
        match config.kind {
            FeedKind::Simulated if !config.symbols.is_empty() => Err(format!(
                "the feed {name} is simulated and has its own symbols: give it none"
            )),
            FeedKind::Replay if config.files.is_empty() => Err(format!(
                "the feed {name} has no files: give --replay FILE, or files in [feeds.{name}]"
            )),
            FeedKind::Replay if config.symbols.len() != 1 => Err(format!(
                "the feed {name} needs one symbol: give --symbol, or symbols in [feeds.{name}]"
            )),
            FeedKind::Venue(venue) if config.symbols.is_empty() => {
                let symbol = venue.usual_symbol();
                Err(format!(
                    "the feed {name} has no symbols: give --feed {name}:{symbol}, or symbols in [feeds.{name}]"
                ))
            }
            FeedKind::Venue(_) if config.channels.is_empty() => Err(format!(
                "the feed {name} has no channels: write quotes, trades or book:100 in [feeds.{name}]"
            )),
            _ => Ok(()),
        }
    }
}

impl FeedArgs {
    /// Checks rules that need no settings.
    ///
    /// # Errors
    /// A feed is given twice, or together with `none`.
    pub fn check(&self) -> Result<(), String> {
        for (index, choice) in self.choices.iter().enumerate() {
            let name = &choice.name;
            if self.choices[..index].iter().any(|it| it.name == *name) {
                return Err(format!(
                    "--feed {name} is given twice: give each feed at most once, with all its symbols"
                ));
            }
        }
        if self.choices.len() > 1 && self.choices.iter().any(FeedChoice::is_none) {
            return Err("--feed none cannot be combined with other feeds: remove it".to_owned());
        }
        Ok(())
    }

    /// The feeds to run. Without `--feed` these are all of `configured`. Options override the settings.
    ///
    /// # Errors
    /// A feed is unknown or lacks something, or an option has no effect.
    pub fn plan(&self, configured: &BTreeMap<String, FeedConfig>) -> Result<Vec<FeedPlan>, String> {
        let mut plans = match self.choices.is_empty() {
            true => {
                let all = configured.iter().map(|(name, config)| FeedPlan {
                    name: name.clone(),
                    config: config.clone(),
                });
                all.collect()
            }
            false => {
                let chosen = self.choices.iter().filter(|choice| !choice.is_none());
                let plans = chosen.map(|choice| FeedPlan::chosen(choice, configured));
                plans.collect::<Result<Vec<_>, _>>()?
            }
        };
        for kind in [FeedKind::Replay, FeedKind::Simulated] {
            if plans.iter().filter(|plan| plan.is(kind)).count() > 1 {
                return Err(format!(
                    "several feeds are of the kind {kind}: run only one of them"
                ));
            }
        }
        self.override_settings(&mut plans)?;
        for plan in &plans {
            plan.check()?;
        }
        Ok(plans)
    }

    fn override_settings(&self, plans: &mut [FeedPlan]) -> Result<(), String> {
        let replay = plans.iter_mut().find(|plan| plan.is(FeedKind::Replay));
        match replay {
            Some(FeedPlan { config, .. }) => {
                if !self.replay.is_empty() {
                    config.files.clone_from(&self.replay);
                }
                if let Some(symbol) = &self.symbol {
                    config.symbols = vec![symbol.to_string()];
                }
                config.speed = self.speed.unwrap_or(config.speed);
            }
            None if !self.replay.is_empty() || self.symbol.is_some() || self.speed.is_some() => {
                let problem = "--replay, --symbol and --speed require --feed replay: add it";
                return Err(problem.to_owned());
            }
            None => {}
        }
        let simulated = plans.iter_mut().find(|plan| plan.is(FeedKind::Simulated));
        match simulated {
            Some(FeedPlan { config, .. }) => config.seed = self.seed.or(config.seed),
            None if self.seed.is_some() => {
                return Err("--seed requires --feed simulated: add it".to_owned());
            }
            None => {}
        }
        Ok(())
    }
}
