use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::layers::DEFAULTS;
use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("config")).expect("made");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

fn load(reader: SettingsReader, variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let read = reader.variables(variables).read(|_| Some(()));
    read.map_err(|invalid| invalid.problems)
}

/// Loads settings as a program that uses the library.
fn host(folder: &TempDir, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    load(SettingsReader::shared().folder(folder.path()), variables).map(|settings| settings.config)
}

/// Loads settings as the programs of tickbook.
fn own(folder: &TempDir, variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    load(SettingsReader::own().folder(folder.path()), variables).map(|settings| settings.config)
}

const HOST: &str = "[myapp]\nname = \"x\"\n[server]\nport = 1\n[metadata]\nurl = \"http://x\"\n";

#[test]
fn sections_of_another_program_are_left_alone() {
    let folder = folder(&[("config/default.toml", HOST)]);
    let config = host(&folder, &[]).expect("other settings are ignored");
    assert_eq!(
        config.database.metadata_url.database(),
        "orderbook_metadata"
    );
    let problems = own(&folder, &[]).expect_err("a folder of tickbook alone");
    assert!(
        problems[0].starts_with("myapp is not a section"),
        "{problems:?}"
    );
}

#[test]
fn section_tickbook_of_another_program_is_read() {
    let common = format!("{HOST}[tickbook.pool]\nsize = 3\nmin_idle = 1\n");
    let of_live = "[myapp]\nname = \"y\"\n[tickbook.pool]\nsize = 4\n";
    let files = [
        ("config/default.toml", &*common),
        ("config/live.toml", of_live),
    ];
    let folder = folder(&files);
    let live = ("TICKBOOK_ENVIRONMENT", "live");
    for load in [host, own] {
        assert_eq!(load(&folder, &[]).expect("valid").database.pool.size, 3);
        let pool = load(&folder, &[live]).expect("valid").database.pool;
        assert_eq!((pool.size, pool.min_idle), (4, 1));
    }
}

#[test]
fn mistakes_in_the_section_are_reported() {
    let files = [
        ("config/default.toml", "[tickbook.pool]\nsizes = 3\n"),
        ("tickbook.toml", "[puddle]\nsize = 3\n"),
    ];
    let problems = host(&folder(&files), &[]).expect_err("two mistakes");
    assert!(
        problems[0].contains("pool.sizes is not a setting"),
        "{problems:?}"
    );
    assert!(
        problems[1].contains("puddle is not a section"),
        "{problems:?}"
    );
    let problems = host(&folder(&[("config/default.toml", "tickbook = 7")]), &[]);
    let problems = problems.expect_err("no section");
    assert!(problems[0].contains("write [tickbook]"), "{problems:?}");
}

#[test]
fn file_of_its_own_is_read_beside_another_program() {
    let files = [
        ("config/default.toml", HOST),
        ("tickbook.toml", "[ticks]\nbatch_size = 5\nqueue = 5\n"),
        ("tickbook.live.toml", "[ticks]\nqueue = 6\n"),
    ];
    let folder = folder(&files);
    let variables = [
        ("TICKBOOK_ENVIRONMENT", "live"),
        ("TICKBOOK__TICKS__FLUSH_INTERVAL_MS", "7"),
    ];
    for load in [host, own] {
        let ticks = load(&folder, &variables).expect("valid").ticks;
        assert_eq!((ticks.batch_size, ticks.queue), (5, 6));
        assert_eq!(ticks.flush_interval, Duration::from_millis(7));
    }
}

#[test]
fn programs_of_tickbook_read_all_of_config() {
    let files = [
        ("config/default.toml", "[pool]\nsize = 3\n"),
        ("config/development.toml", "[pool]\nsize = 4\n"),
    ];
    let folder = folder(&files);
    assert_eq!(own(&folder, &[]).expect("valid").database.pool.size, 4);
    assert_eq!(host(&folder, &[]).expect("valid").database.pool.size, 20);
}

#[test]
fn mistyped_environment_names_the_files() {
    let folder = folder(&[("config/production.toml", "")]);
    let mistyped = [
        ("TICKBOOK_ENVIRONMENT", "prodution"),
        ("TICK_BATCH_SIZE", "0"),
    ];
    for load in [host, own] {
        load(&folder, &[("TICKBOOK_ENVIRONMENT", "production")]).expect("the file exists");
        load(&folder, &[("TICKBOOK_ENVIRONMENT", "development")])
            .expect("development requires no file");
        let problems = load(&folder, &mistyped).expect_err("mistyped");
        assert_eq!(problems.len(), 2, "{problems:?}");
        for name in ["config/prodution.toml", "tickbook.prodution.toml"] {
            assert!(problems[0].contains(name), "{problems:?}");
        }
    }
    let config = folder.path().join("config");
    let problems = load(SettingsReader::of_folder(config), &mistyped[..1]).expect_err("mistyped");
    assert!(
        problems[0].contains("config/prodution.toml"),
        "{problems:?}"
    );
}

#[test]
fn every_broken_file_is_reported() {
    let files = [
        ("tickbook.toml", "[pool"),
        ("tickbook.development.toml", "x ="),
    ];
    let problems = host(&folder(&files), &[]).expect_err("broken");
    assert_eq!(problems.len(), 2, "{problems:?}");
}

/// The assignments of a TOML text, each prefixed with its section.
fn lines(text: &str) -> Vec<String> {
    let mut section = "";
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
        } else if !line.is_empty() {
            lines.push(format!("{section} {line}"));
        }
    }
    lines
}

#[test]
fn every_setting_is_written_as_its_default_is() {
    let nothing = tempfile::tempdir().expect("a folder");
    let written = load(SettingsReader::of_folder(nothing.path()), &[])
        .expect("valid")
        .to_string();
    let defaults = DEFAULTS.replace("orderbook123", "***");
    assert_eq!(lines(&written), lines(&defaults));
}

#[test]
fn written_settings_read_back() {
    let text = "[pool]\nsize = 7\n[spool]\ndirectory = 'C:\\a \"b\"'\n[quality]\nz_score_limit = 3.5\n\
                [quality.symbols.\"oanda:EURUSD\"]\ndelayed = \"flag\"\ndeviation_limit = 0.25\n\
                [quality.symbols.7]\ndelayed_limit_ms = 9\n\
                [feeds.kraken]\nsymbols = [\"BTC/USD\", \"a\\\"b\"]\nsize = 7\n\
                [policies.refresh]\n1m = { start_offset = \"none\", end_offset = \"2m\", every = \"1m\" }\n";
    let folder = folder(&[("config/default.toml", text)]);
    let variables = [
        ("TICKBOOK__POOL__PGBOUNCER", "true"),
        ("TICKBOOK__POLICIES__TICKS__DROP_AFTER", "100d"),
    ];
    let first = load(SettingsReader::own().folder(folder.path()), &variables).expect("valid");
    let again = first.to_string().replace("***", "orderbook123");
    std::fs::write(folder.path().join("config/default.toml"), again).expect("written");
    let second = load(SettingsReader::own().folder(folder.path()), &[]).expect("valid");
    assert_eq!(first, second);
    assert_eq!(first.config.quality.symbols.len(), 2);
}

#[test]
fn passwords_are_not_written() {
    let variables = [
        ("DATABASE_URL", "postgres://u:S3cretPw@h/m"),
        ("TIMESCALEDB_READ_URL", "postgres://u:S3cretPw@h/t"),
        ("TICKBOOK__RABBITMQ__URL", "amqp://u:S3cretPw@h:5672/%2f"),
    ];
    let written = load(SettingsReader::of_folder(Path::new("")), &variables).expect("valid");
    let written = written.to_string();
    assert!(!written.contains("S3cretPw"), "{written}");
    assert_eq!(written.matches("***").count(), 4, "{written}");
}
