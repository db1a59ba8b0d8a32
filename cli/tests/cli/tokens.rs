//! Tests of `tickbook tokens`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};
use tickbook_access::{Scope, TokenDigest, TokenFile, TokenRecord};

use crate::support::Run;

/// A directory without settings, and a file of tokens in it.
struct Tokens {
    folder: tempfile::TempDir,
}

impl Tokens {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    fn run(&self, command: &str) -> Run {
        self.run_with(command, &[("TICKBOOK__ACCESS__TOKENS_FILE", "tokens")])
    }

    fn run_with(&self, command: &str, variables: &[(&str, &str)]) -> Run {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tickbook"));
        program
            .arg("tokens")
            .args(command.split_whitespace())
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .envs(variables.iter().copied());
        Run::of(program.output().expect("the program starts"))
    }

    fn file(&self) -> TokenFile {
        TokenFile::new(self.folder.path().join("tokens"))
    }

    /// Adds a token, and returns its text and what is stored.
    fn added(&self, command: &str) -> (String, TokenRecord) {
        let run = self.run(&format!("add {command}")).expect_code(0);
        let token = run.stdout.strip_suffix('\n').expect("a line").to_owned();
        assert!(!run.stderr.contains(&token), "{run:?}");
        let (list, _) = self.file().read().expect("a file");
        let digest = TokenDigest::of_presented(&token).expect("a token");
        (token, list.find(&digest).expect("stored").clone())
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folder.path().join("tokens")).expect("a file")
    }
}

#[test]
fn token_is_added_listed_and_revoked() {
    let tokens = Tokens::new();
    let (token, stored) = tokens.added("feeder --scope write --requests-per-second 50");
    assert_eq!(stored.name, "feeder");
    assert!(stored.allows(Scope::Write) && !stored.allows(Scope::Admin));
    assert_eq!(
        (stored.expires_at, stored.requests_per_second),
        (None, Some(50))
    );
    // only the hash is stored, for the owner only
    assert!(!tokens.text().contains(&token[3..]), "{}", tokens.text());
    let metadata = fs::metadata(tokens.folder.path().join("tokens")).expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);

    let listed = tokens.run("list").expect_code(0);
    let lines: Vec<_> = listed.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("NAME    SCOPES  CREATED"), "{lines:?}");
    assert!(lines[1].starts_with("feeder  write "), "{lines:?}");
    assert!(lines[1].ends_with("never    50"), "{lines:?}");
    let json: Value = serde_json::from_str(&tokens.run("list --json").stdout).expect("JSON");
    assert_eq!(
        (&json["scopes"], &json["expired"]),
        (&json!(["write"]), &json!(false))
    );
    assert_eq!(json.get("token"), None);

    let revoked = tokens.run("revoke feeder").expect_code(0);
    assert_eq!(revoked.stdout, "revoked feeder\n");
    let none = tokens.run("list").expect_code(0);
    assert_eq!(
        (none.stdout.as_str(), none.stderr.as_str()),
        ("", "there is no token yet\n")
    );
    let unknown = tokens.run("revoke feeder");
    assert!(unknown.error().contains("no token feeder"), "{unknown:?}");
}

#[test]
fn expiry_is_a_length_a_date_or_a_time() {
    let tokens = Tokens::new();
    let (_, stored) = tokens.added("a --scope read --expires 90d");
    let end = stored.expires_at.expect("an end");
    assert_eq!(end - stored.created_at, chrono::TimeDelta::days(90));
    let (_, stored) = tokens.added("b --scope read,admin --expires 2999-01-01");
    let end = stored.expires_at.expect("an end");
    assert_eq!(end.to_rfc3339(), "2999-01-01T00:00:00+00:00");
    assert_eq!(stored.scopes, [Scope::Read, Scope::Admin].into());
    tokens.added("c --scope read --expires 2999-01-01T12:00:00Z");
    for (expires, words) in [
        ("2014-01-01", "after the creation"),
        ("soon", "90d"),
        ("0d", "90d"),
    ] {
        let run = tokens.run(&format!("add d --scope read --expires {expires}"));
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(words), "{expires}: {run:?}");
    }
}

#[test]
fn json_has_the_new_token_and_the_error() {
    let tokens = Tokens::new();
    let run = tokens.run("add a --scope admin --json").expect_code(0);
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["name"], "a");
    let token = json["token"].as_str().expect("a text");
    assert!(TokenDigest::of_presented(token).is_some(), "{token}");
    let again = tokens.run("add a --scope admin --json").expect_code(2);
    let json: Value = serde_json::from_str(&again.stdout).expect("JSON");
    let error = json["error"].as_str().expect("a text");
    assert!(error.contains("there is a token a already"), "{error}");
}

#[test]
fn mistakes_of_tokens_are_clear_errors() {
    let tokens = Tokens::new();
    for (command, words) in [
        ("list", "there is no tokens file tokens: create it"),
        ("revoke a", "there is no tokens file tokens: create it"),
        ("add a/b --scope read", "invalid token name \"a/b\""),
        (
            "add a --scope read --requests-per-second 0",
            "invalid requests per second 0",
        ),
    ] {
        let run = tokens.run(command);
        assert!(run.error().contains(words), "{command}: {run:?}");
    }
    for (command, words) in [
        ("add a", "--scope"),
        ("add a --scope root", "invalid scope \"root\""),
    ] {
        let run = tokens.run(command).expect_code(2);
        assert!(run.stderr.contains(words), "{command}: {run:?}");
    }
    let run = tokens.run_with("list", &[]);
    assert!(run.error().contains("--file"), "{run:?}");
    tokens.added("a --scope read");
    let path = tokens.folder.path().join("tokens");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("changed");
    for command in ["list", "add b --scope read", "revoke a"] {
        let run = tokens.run(command);
        assert!(run.error().contains("mode 0644"), "{command}: {run:?}");
    }
    // a file of the command line precedes the settings
    let other = tokens.run("list --file other");
    assert!(other.error().contains("tokens file other"), "{other:?}");
}
