//! Layers of settings: defaults, files and environment variables; later layers override earlier ones.

use std::path::{Path, PathBuf};

use config::{ConfigError, Environment, File, FileFormat, Source, Value};

pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Environment variables with names of their own, and the keys that they set.
pub(super) const VARIABLES: [(&str, &str); 6] = [
    ("DATABASE_URL", "metadata.url"),
    ("TIMESCALEDB_URL", "timeseries.url"),
    ("TIMESCALEDB_READ_URL", "timeseries.read_url"),
    ("DATABASE_POOL_SIZE", "pool.size"),
    ("TICK_BATCH_SIZE", "ticks.batch_size"),
    ("TICK_FLUSH_INTERVAL_MS", "ticks.flush_interval_ms"),
];

/// The environment unless `TICKBOOK_ENVIRONMENT` is set. It requires no file.
const DEVELOPMENT: &str = "development";

/// The section of tickbook in files of other programs.
const SECTION: &str = "tickbook";

/// The files to read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Files<'a> {
    /// `default.toml` and `{environment}.toml` of this folder.
    Own(&'a Path),
    /// `tickbook.toml` and `tickbook.{environment}.toml` of this folder, and the section `[tickbook]` of
    /// `config/default.toml` and `config/{environment}.toml`.
    Shared(&'a Path),
    /// As `Shared` if one of its files or sections exists; otherwise the whole files of `config/`.
    OwnUnlessShared(&'a Path),
}

/// The files that exist, in ascending order of precedence.
#[derive(Debug, Default)]
pub(super) struct Layers(Vec<FileSettings>);

/// The settings of one file.
#[derive(Debug, Clone)]
struct FileSettings(config::Map<String, Value>);

impl Source for FileSettings {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<config::Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layers {
    /// Reads the files of `files` and notes their problems. Returns `None` if the environment's name is
    /// invalid.
    pub(super) fn read(
        files: Files<'_>,
        variables: &[(String, String)],
        problems: &mut Vec<String>,
    ) -> Option<Self> {
        let named = variables
            .iter()
            .find(|(name, _)| name == "TICKBOOK_ENVIRONMENT");
        let environment = named.map_or(DEVELOPMENT, |(_, value)| value.as_str());
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if environment.is_empty() || !environment.chars().all(plain) {
            let problem = "invalid TICKBOOK_ENVIRONMENT: expected letters, digits, - and _ only";
            problems.push(problem.to_owned());
            return None;
        }
        let (layers, looked_for) = match files {
            Files::Own(folder) => Self::own(folder, environment, problems),
            Files::Shared(folder) => Self::shared(folder, environment, true, problems),
            Files::OwnUnlessShared(folder) => Self::shared(folder, environment, false, problems),
        };
        let is_missing = environment != DEVELOPMENT && !looked_for.iter().any(|it| it.exists());
        if is_missing {
            let names: Vec<_> = looked_for
                .iter()
                .map(|it| it.display().to_string())
                .collect();
            problems.push(format!(
                "TICKBOOK_ENVIRONMENT is {environment}, but there is no {}: create the file, or \
                 correct the name",
                names.join(" and no ")
            ));
        }
        Some(layers)
    }

    /// Also returns the files of the environment; at least one of them must exist.
    fn own(folder: &Path, environment: &str, problems: &mut Vec<String>) -> (Self, Vec<PathBuf>) {
        let of_environment = folder.join(format!("{environment}.toml"));
        let files = [folder.join("default.toml"), of_environment.clone()];
        let tables = files.iter().filter_map(|file| table(file, problems));
        (Self(tables.collect()), vec![of_environment])
    }

    fn shared(
        folder: &Path,
        environment: &str,
        is_shared: bool,
        problems: &mut Vec<String>,
    ) -> (Self, Vec<PathBuf>) {
        let config = folder.join("config");
        let mut noted = Vec::new();
        let mut is_shared = is_shared;
        let mut layers = Self::default();
        let mut looked_for = Vec::new();
        for name in ["default", environment] {
            let common = config.join(format!("{name}.toml"));
            let own = match name {
                "default" => folder.join("tickbook.toml"),
                name => folder.join(format!("tickbook.{name}.toml")),
            };
            let section = table(&common, &mut noted).and_then(|mut all| all.0.remove(SECTION));
            if let Some(section) = section {
                is_shared = true;
                match section.into_table() {
                    Ok(section) => layers.0.push(FileSettings(section)),
                    Err(_) => noted.push(format!(
                        "{SECTION} in {} must be a section: write [{SECTION}]",
                        common.display()
                    )),
                }
            }
            is_shared |= own.exists();
            layers.0.extend(table(&own, &mut noted));
            looked_for = vec![common, own];
        }
        if !is_shared {
            let (layers, _) = Self::own(&config, environment, problems);
            return (layers, looked_for);
        }
        problems.append(&mut noted);
        (layers, looked_for)
    }

    /// Merges the defaults, the files and the environment variables, in ascending order of precedence.
    pub(super) fn build(
        self,
        defaults: &str,
        variables: &[(String, String)],
    ) -> Result<config::Config, String> {
        let prefixed: config::Map<String, String> = variables
            .iter()
            .filter(|(name, _)| name.starts_with("TICKBOOK__"))
            .cloned()
            .collect();
        let mut builder =
            config::Config::builder().add_source(File::from_str(defaults, FileFormat::Toml));
        for table in self.0 {
            builder = builder.add_source(table);
        }
        builder = builder.add_source(
            Environment::with_prefix("TICKBOOK")
                .prefix_separator("__")
                .separator("__")
                .source(Some(prefixed)),
        );
        for (name, key) in VARIABLES {
            if let Some((_, value)) = variables.iter().find(|(known, _)| known == name) {
                builder = builder
                    .set_override(key, value.as_str())
                    .map_err(|_| format!("{name} cannot be set"))?;
            }
        }
        let unreadable = |_| "invalid settings: correct their syntax".to_owned();
        builder.build().map_err(unreadable)
    }
}

/// Reads `path` if it exists. A syntax error is noted without the lines of the file, which may contain a
/// password.
fn table(path: &Path, problems: &mut Vec<String>) -> Option<FileSettings> {
    let file = File::from(path).format(FileFormat::Toml).required(true);
    if !path.exists() {
        return None;
    }
    let read = config::Config::builder().add_source(file).build();
    let all = read.and_then(|read| read.try_deserialize::<config::Map<String, Value>>());
    match all {
        Ok(all) => Some(FileSettings(all)),
        Err(ConfigError::FileParse { .. }) => {
            problems.push(format!(
                "invalid TOML in {}: correct the file",
                path.display()
            ));
            None
        }
        Err(_) => {
            problems.push(format!(
                "{} cannot be read: check its permissions",
                path.display()
            ));
            None
        }
    }
}

fn parsed(defaults: &str) -> Result<config::Config, ConfigError> {
    let defaults = File::from_str(defaults, FileFormat::Toml);
    config::Config::builder().add_source(defaults).build()
}

/// Whether `defaults` is valid TOML.
pub(super) fn is_toml(defaults: &str) -> bool {
    parsed(defaults).is_ok()
}

/// The sections of `defaults`; empty if it is invalid.
pub(super) fn defaults_of(defaults: &str) -> config::Map<String, Value> {
    let sections = parsed(defaults).and_then(config::Config::try_deserialize);
    sections.unwrap_or_default()
}

pub(super) fn unknown_keys(layers: &config::Config, defaults: &str) -> Vec<String> {
    let known = defaults_of(defaults);
    let mut problems = Vec::new();
    let all: config::Map<String, Value> = match layers.clone().try_deserialize() {
        Ok(all) => all,
        Err(_) => return vec!["invalid settings: expected sections such as [section]".to_owned()],
    };
    let mut sections: Vec<_> = known.keys().map(String::as_str).collect();
    sections.sort_unstable();
    for (section, value) in all {
        let defaults = known.get(&section).cloned();
        let Some(Ok(defaults)) = defaults.map(Value::into_table) else {
            problems.push(format!(
                "{section} is not a section: expected one of {}",
                sections.join(", ")
            ));
            continue;
        };
        let Ok(keys) = value.into_table() else {
            problems.push(format!("{section} must be a section: write [{section}]"));
            continue;
        };
        // sections in an empty section have names of their own, such as those of feeds
        if defaults.is_empty() {
            continue;
        }
        let mut names: Vec<_> = defaults.keys().map(String::as_str).collect();
        names.sort_unstable();
        for key in keys.keys().filter(|key| !defaults.contains_key(*key)) {
            let names = names.join(", ");
            problems.push(format!(
                "{section}.{key} is not a setting: expected one of {names}"
            ));
        }
    }
    problems.sort_unstable();
    problems
}
