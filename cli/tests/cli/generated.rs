//! Tests of shell completions and the manual page.

use crate::support::Cli;

#[test]
fn completions_list_every_command() {
    let cli = Cli::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = cli.run(&["completions", shell]).expect_code(0).stdout;
        for word in ["quarantine", "dead-letter", "create-symbol"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let unknown = cli.run(&["completions", "csh"]).expect_code(2);
    assert!(unknown.stderr.contains("bash"), "{unknown:?}");
}

#[test]
fn manual_has_a_page_for_every_command() {
    let cli = Cli::new();
    let manual = cli.run(&["man"]).expect_code(0).stdout;
    for name in [
        "tickbook",
        "tickbook-import-ticks",
        "tickbook-delete-candles",
    ] {
        let title = format!(".TH {name} 1");
        assert!(manual.contains(&title), "{title} in {manual}");
    }
    assert!(manual.contains("tickbook import ticks 20140501_quote.zip"));
}
