//! Reads the settings of a program.

use std::fmt;
use std::path::Path;

use super::layers::{Files, Layers, unknown_keys};
use super::written::written;
use super::{Checked, Config, InvalidConfig};

/// The settings of a program, and how they would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The settings, checked.
    pub config: Config,
    /// Every setting as TOML, with `***` for passwords.
    text: String,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Config {
    /// Reads the settings of a program that uses this library. The later counts more:
    ///
    /// 1. the defaults, which are compiled in;
    /// 2. the section `[tickbook]` of `config/default.toml`, such as `[tickbook.pool]`;
    /// 3. `tickbook.toml`;
    /// 4. the section `[tickbook]` of `config/{environment}.toml`;
    /// 5. `tickbook.{environment}.toml`;
    /// 6. variables such as `TICKBOOK__POOL__SIZE`, `DATABASE_URL` and `TIMESCALEDB_URL`.
    ///
    /// All files are those of the working folder and need not exist. What else stands in `config/` is
    /// the program's own. `TICKBOOK_ENVIRONMENT` says the environment, `development` unless set; of
    /// any other one a file must exist.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load() -> Result<Self, InvalidConfig> {
        let files = Files::Shared(Path::new(""));
        read(files, process_variables()).map(|settings| settings.config)
    }

    /// Reads `default.toml` and `{environment}.toml` of `folder`, which hold nothing else, and
    /// `variables` instead of those of the process.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load_from(
        folder: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidConfig> {
        read(Files::Own(folder), variables).map(|settings| settings.config)
    }
}

impl Settings {
    /// Reads the settings of a program whose `config/` holds nothing but them, such as `tickbook` and
    /// `orderbook-server`: as [`Config::load`] does where there is a `tickbook.toml`, or a section
    /// `[tickbook]` in `config/`; else `config/default.toml` and `config/{environment}.toml` as a whole.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load() -> Result<Self, InvalidConfig> {
        Self::load_in(Path::new(""), process_variables())
    }

    /// The same in the working folder `folder`, with `variables` instead of those of the process.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load_in(
        folder: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidConfig> {
        read(Files::OwnUnlessShared(folder), variables)
    }
}

fn process_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

pub(super) fn read(
    files: Files<'_>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, InvalidConfig> {
    let variables: Vec<_> = variables.into_iter().collect();
    let mut problems = Vec::new();
    let layers = Layers::read(files, &variables, &mut problems);
    let layers = layers.and_then(|layers| {
        let built = layers.build(&variables);
        built.map_err(|problem| problems.push(problem)).ok()
    });
    let Some(layers) = layers else {
        return Err(InvalidConfig { problems });
    };
    problems.extend(unknown_keys(&layers));
    let checked = Checked::read(&layers, &mut problems);
    match checked {
        Some(config) if problems.is_empty() => Ok(Settings {
            config,
            text: written(&layers),
        }),
        _ => Err(InvalidConfig { problems }),
    }
}
