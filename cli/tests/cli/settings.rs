//! Tests of the sources of settings, and of their output.

use crate::support::Cli;

const DEFAULTS: &str = include_str!("../../../config/default.toml");

#[test]
fn config_prints_every_setting() {
    let cli = Cli::new();
    let shown = cli.run(&["config"]).expect_code(0).stdout;
    let keys = |text: &str| {
        let mut section = String::new();
        let mut keys = Vec::new();
        for line in text.lines() {
            if line.starts_with('[') {
                section = line.to_owned();
            } else if let Some((key, _)) = line.split_once(" = ")
                && !key.starts_with('#')
            {
                keys.push(format!("{section} {key}"));
            }
        }
        keys
    };
    assert!(keys(DEFAULTS).len() > 60, "{:?}", keys(DEFAULTS));
    assert_eq!(keys(&shown), keys(DEFAULTS));
}

#[test]
fn settings_share_files_with_another_program() {
    let cli = Cli::new();
    std::fs::create_dir(cli.folder.path().join("config")).expect("made");
    let size = |variables: &[(&str, &str)]| {
        let shown = cli.run_with(&["config"], variables).expect_code(0).stdout;
        let line = shown.lines().find(|line| line.starts_with("size = "));
        line.expect("a pool has a size").to_owned()
    };
    cli.file("config/default.toml", "[pool]\nsize = 3\n");
    assert_eq!(size(&[]), "size = 3");
    cli.file(
        "config/default.toml",
        "[myapp]\nname = \"x\"\n[tickbook.pool]\nsize = 4\n",
    );
    assert_eq!(size(&[]), "size = 4");
    cli.file("tickbook.toml", "[pool]\nsize = 5\n");
    assert_eq!(size(&[]), "size = 5");
    cli.file("tickbook.live.toml", "[pool]\nsize = 6\n");
    assert_eq!(size(&[("TICKBOOK_ENVIRONMENT", "live")]), "size = 6");
}
