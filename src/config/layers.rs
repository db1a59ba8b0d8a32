//! Where settings come from, the later the stronger, and which there are.

use std::path::{Path, PathBuf};

use config::{ConfigError, Environment, File, FileFormat, Value};

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Environment variables with names of their own, and the settings they are.
pub(super) const VARIABLES: [(&str, &str); 6] = [
    ("DATABASE_URL", "metadata.url"),
    ("TIMESCALEDB_URL", "timeseries.url"),
    ("TIMESCALEDB_READ_URL", "timeseries.read_url"),
    ("DATABASE_POOL_SIZE", "pool.size"),
    ("TICK_BATCH_SIZE", "ticks.batch_size"),
    ("TICK_FLUSH_INTERVAL_MS", "ticks.flush_interval_ms"),
];

pub(super) fn layers(
    folder: &Path,
    variables: &[(String, String)],
) -> Result<config::Config, String> {
    let environment = variables
        .iter()
        .find(|(name, _)| name == "TICKBOOK_ENVIRONMENT")
        .map_or("development", |(_, value)| value.as_str());
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if environment.is_empty() || !environment.chars().all(plain) {
        return Err(
            "TICKBOOK_ENVIRONMENT must have letters, digits, - and _ only: name a file of config/"
                .to_owned(),
        );
    }
    let file = |path: PathBuf| File::from(path).format(FileFormat::Toml).required(false);
    let prefixed: config::Map<String, String> = variables
        .iter()
        .filter(|(name, _)| name.starts_with("TICKBOOK__"))
        .cloned()
        .collect();
    let mut builder = config::Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .add_source(file(folder.join("default.toml")))
        .add_source(file(folder.join(format!("{environment}.toml"))))
        .add_source(
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
    builder.build().map_err(|error| describe(&error))
}

/// A syntax error of a file, without the lines of it, which may hold a password.
fn describe(error: &ConfigError) -> String {
    match error {
        ConfigError::FileParse { uri, .. } => format!(
            "{} is no valid TOML: correct it",
            uri.as_deref().unwrap_or("a file of config/")
        ),
        _ => "the settings cannot be read: see that config/ holds readable TOML files".to_owned(),
    }
}

pub(super) fn unknown_keys(layers: &config::Config) -> Vec<String> {
    let known = match config::Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .build()
    {
        Ok(known) => known,
        Err(_) => return vec!["the compiled-in defaults are broken".to_owned()],
    };
    let mut problems = Vec::new();
    let all: config::Map<String, Value> = match layers.clone().try_deserialize() {
        Ok(all) => all,
        Err(_) => return vec!["the settings are no table of sections: write [section]".to_owned()],
    };
    let sections: config::Map<String, Value> = known.clone().try_deserialize().unwrap_or_default();
    let mut sections: Vec<_> = sections.into_keys().collect();
    sections.sort_unstable();
    for (section, value) in all {
        let Ok(defaults) = known.get_table(&section) else {
            problems.push(format!(
                "{section} is no section: use {}",
                sections.join(", ")
            ));
            continue;
        };
        let Ok(keys) = value.into_table() else {
            problems.push(format!("{section} must be a section: write [{section}]"));
            continue;
        };
        let mut names: Vec<_> = defaults.keys().map(String::as_str).collect();
        names.sort_unstable();
        for key in keys.keys().filter(|key| !defaults.contains_key(*key)) {
            let names = names.join(", ");
            problems.push(format!(
                "{section}.{key} is no setting: {section} has {names}"
            ));
        }
    }
    problems.sort_unstable();
    problems
}
