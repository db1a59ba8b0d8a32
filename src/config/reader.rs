//! Reads the settings of a program.

use std::fmt;
use std::path::{Path, PathBuf};

use super::layers::{DEFAULTS, Files, Layers, is_toml, unknown_keys};
use super::sections::Sections;
use super::written::written;
use super::{Config, InvalidConfig};

/// The sections that the library reads.
const SECTIONS: [&str; 8] = [
    "metadata",
    "timeseries",
    "pool",
    "ticks",
    "spool",
    "quality",
    "books",
    "policies",
];

/// The settings of the library and of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings<P = ()> {
    /// The validated settings of the library.
    pub config: Config,
    /// The settings of the program.
    pub program: P,
    /// Every setting as TOML, with `***` for passwords.
    text: String,
}

impl<P> fmt::Display for Settings<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Config {
    /// Reads the settings of a program that uses this library. Later sources override earlier ones:
    ///
    /// 1. the defaults, which are compiled in;
    /// 2. the section `[tickbook]` of `config/default.toml`, such as `[tickbook.pool]`;
    /// 3. `tickbook.toml`;
    /// 4. the section `[tickbook]` of `config/{environment}.toml`;
    /// 5. `tickbook.{environment}.toml`;
    /// 6. variables such as `TICKBOOK__POOL__SIZE`, `DATABASE_URL` and `TIMESCALEDB_URL`.
    ///
    /// All files are in the working folder and optional. Other contents of `config/` belong to the program.
    /// `TICKBOOK_ENVIRONMENT` names the environment, by default `development`; any other environment requires
    /// a file. [`SettingsReader`] reads sections of the program in the same way.
    ///
    /// # Errors
    /// Returns all problems at once.
    pub fn load() -> Result<Self, InvalidConfig> {
        let read = SettingsReader::shared().read(|_| Some(()));
        read.map(|settings| settings.config)
    }

    /// Reads `default.toml` and `{environment}.toml` of `folder`, which must contain only settings of
    /// this library. Reads `variables` instead of the environment variables of the process.
    ///
    /// # Errors
    /// Returns all problems at once.
    pub fn load_from(
        folder: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidConfig> {
        let reader = SettingsReader::of_folder(folder).variables(variables);
        reader.read(|_| Some(())).map(|settings| settings.config)
    }
}

impl Settings {
    /// Reads the settings of a program whose `config/` holds only these settings, such as `tickbook` and
    /// `orderbook-server`. If there is a `tickbook.toml`, or a section `[tickbook]` in `config/`, reads the
    /// same files as [`Config::load`]; otherwise reads the whole of `config/default.toml` and
    /// `config/{environment}.toml`.
    ///
    /// # Errors
    /// Returns all problems at once.
    pub fn load() -> Result<Self, InvalidConfig> {
        SettingsReader::own().read(|_| Some(()))
    }

    /// As [`Settings::load`], in the working folder `folder` and with `variables` instead of the environment
    /// variables of the process.
    ///
    /// # Errors
    /// Returns all problems at once.
    pub fn load_in(
        folder: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidConfig> {
        let reader = SettingsReader::own().folder(folder);
        reader.variables(variables).read(|_| Some(()))
    }
}

/// Reads the settings of the library and of a program together: from the same files and
/// variables, by the same rules, with the mistakes of both in one report.
///
/// # Examples
///
/// ```
/// use std::net::SocketAddr;
///
/// use tickbook::config::SettingsReader;
///
/// #[derive(Debug)]
/// struct MyApp {
///     workers: usize,
///     listen: SocketAddr,
/// }
///
/// // all sections and settings, and their types
/// const DEFAULTS: &str = r#"
/// [myapp]
/// workers = 4
/// listen = "127.0.0.1:8080"
/// "#;
///
/// # let variables = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
/// #     pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
/// # };
/// # let read = |pairs: &[(&str, &str)]| {
/// // `[tickbook.myapp]` in `config/default.toml`, `[myapp]` in `tickbook.toml`, and variables such as
/// // `TICKBOOK__MYAPP__WORKERS`
/// let reader = SettingsReader::shared().defaults(DEFAULTS);
/// # let reader = reader.folder("no-such-folder").variables(variables(pairs));
/// reader.read(|sections| {
///     let workers = sections.number("myapp.workers", 1, 64);
///     let listen = sections.parsed("myapp.listen", str::parse);
///     Some(MyApp { workers, listen: listen? })
/// })
/// # };
/// # let settings = read(&[("TICKBOOK__MYAPP__WORKERS", "8"), ("DATABASE_POOL_SIZE", "3")]).expect("valid");
/// assert_eq!((settings.program.workers, settings.config.database.pool.size), (8, 3));
/// assert_eq!(settings.program.listen.port(), 8080);
/// assert!(settings.to_string().contains("[myapp]\nworkers = 8"));
/// # let wrong = [
/// #     ("TICKBOOK__MYAPP__WORKERS", "0"),
/// #     ("TICKBOOK__MYAPP__LISTENS", "x"),
/// #     ("DATABASE_POOL_SIZE", "0"),
/// # ];
/// // with `workers = 0`, an unknown key and `DATABASE_POOL_SIZE=0`
/// let invalid = read(&wrong).unwrap_err();
/// assert_eq!(invalid.problems.len(), 3, "{invalid}");
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SettingsReader {
    layout: Layout,
    folder: PathBuf,
    variables: Option<Vec<(String, String)>>,
    defaults: String,
}

/// The files to read.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Own,
    Shared,
    OwnUnlessShared,
}

impl SettingsReader {
    fn new(layout: Layout, folder: &Path) -> Self {
        Self {
            layout,
            folder: folder.to_owned(),
            variables: None,
            defaults: DEFAULTS.to_owned(),
        }
    }

    /// Reads the files that [`Config::load`] reads, in addition to the program's own files.
    pub fn shared() -> Self {
        Self::new(Layout::Shared, Path::new(""))
    }

    /// Reads the files that [`Settings::load`] reads.
    pub fn own() -> Self {
        Self::new(Layout::OwnUnlessShared, Path::new(""))
    }

    /// Reads `default.toml` and `{environment}.toml` of `folder`, which hold only settings of tickbook and
    /// the program.
    pub fn of_folder(folder: impl AsRef<Path>) -> Self {
        Self::new(Layout::Own, folder.as_ref())
    }

    /// Reads the files of `folder` instead of the working folder.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = folder.as_ref().to_owned();
        self
    }

    /// Reads `variables` instead of the environment variables of the process.
    pub fn variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.variables = Some(variables.into_iter().collect());
        self
    }

    /// Adds sections of the program: TOML with every setting and its default. `config/default.toml` lists the
    /// sections of the library.
    pub fn defaults(mut self, toml: &str) -> Self {
        self.defaults.push('\n');
        self.defaults.push_str(toml);
        self
    }

    /// Reads the settings of the library, and calls `program` to read the settings of the program.
    /// `program` may return `None` only after it has noted a problem.
    ///
    /// # Errors
    /// Returns all problems at once: unknown sections and keys, invalid values, and problems that `program`
    /// notes. A setting that nothing reads must have the type of its default.
    pub fn read<P>(
        self,
        program: impl FnOnce(&mut Sections<'_>) -> Option<P>,
    ) -> Result<Settings<P>, InvalidConfig> {
        let mut problems = Vec::new();
        let defaults = &*self.defaults;
        if !is_toml(defaults) {
            let problem = "invalid TOML in the defaults of the program: correct the program";
            problems.push(problem.to_owned());
            return Err(InvalidConfig { problems });
        }
        let files = match self.layout {
            Layout::Own => Files::Own(&self.folder),
            Layout::Shared => Files::Shared(&self.folder),
            Layout::OwnUnlessShared => Files::OwnUnlessShared(&self.folder),
        };
        let variables = self.variables.unwrap_or_else(process_variables);
        let layers = Layers::read(files, &variables, &mut problems);
        let layers = layers.and_then(|layers| {
            let built = layers.build(defaults, &variables);
            built.map_err(|problem| problems.push(problem)).ok()
        });
        let Some(layers) = layers else {
            return Err(InvalidConfig { problems });
        };
        problems.extend(unknown_keys(&layers, defaults));
        let mut sections = Sections::new(&layers, &mut problems);
        let config = Config::read(&mut sections);
        let program = program(&mut sections);
        sections.check_types_of_others(defaults, |section| SECTIONS.contains(&section));
        if program.is_none() && problems.is_empty() {
            let problem = "the program rejected its settings without a reason: correct the program";
            problems.push(problem.to_owned());
        }
        match (config, program) {
            (Some(config), Some(program)) if problems.is_empty() => Ok(Settings {
                config,
                program,
                text: written(&layers, defaults),
            }),
            _ => Err(InvalidConfig { problems }),
        }
    }
}

fn process_variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
