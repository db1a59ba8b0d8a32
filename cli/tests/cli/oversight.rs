//! Tests of `tickbook audit`, `tickbook risk` and `tickbook credentials`.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::{Value, json};
use tickbook::Database;

use crate::ledger::{CREATE, lines};
use crate::support::{Cli, Run, psql_in};

const SECRET: &str = "s3cr3t-of-the-broker-5f1d";

/// Databases with keys, an anchor file, and the account 1.
pub(crate) struct Site {
    cli: Cli,
}

impl Site {
    pub(crate) fn new() -> Self {
        let cli = Cli::migrated();
        let site = Self { cli };
        site.keys("audit.keys", "k:", "07");
        site.keys("credentials.keys", "a:", "01");
        site.run(CREATE).expect_code(0);
        site
    }

    /// Appends a key to a file.
    fn keys(&self, file: &str, id: &str, byte: &str) {
        let path = self.cli.folder.path().join(file);
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        let path = self
            .cli
            .file(file, format!("{known}{id}{}\n", byte.repeat(32)));
        let owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, owner).expect("set");
    }

    fn variables() -> [(&'static str, &'static str); 4] {
        [
            ("TICKBOOK__AUDIT__KEYS", "file:audit.keys"),
            ("TICKBOOK__AUDIT__ANCHOR_FILE", "anchors"),
            ("TICKBOOK__CREDENTIALS__KEYS", "file:credentials.keys"),
            ("USER", "ada"),
        ]
    }

    pub(crate) fn run(&self, command: &str) -> Run {
        let arguments: Vec<_> = command.split(' ').collect();
        self.cli.run_with(
            &arguments,
            &[&Self::variables()[..], &[("LOGNAME", "ada")]].concat(),
        )
    }

    /// Runs a command with the secret as its standard input.
    fn with_secret(&self, command: &str) -> Run {
        let arguments: Vec<_> = command.split(' ').collect();
        let mut child = self
            .cli
            .command(&arguments)
            .envs(Self::variables())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = child.stdin.take().expect("a pipe");
        input
            .write_all(format!("{SECRET}\n").as_bytes())
            .expect("written");
        drop(input);
        Run::of(child.wait_with_output().expect("it ends"))
    }

    fn sql(&self, sql: &str) -> String {
        psql_in(&self.cli, Database::Metadata, sql)
    }
}

#[test]
fn changes_of_commands_are_in_the_audit_log() {
    let site = Site::new();
    site.run("ledger accounts rename main other").expect_code(0);
    site.run("ledger accounts rename missing x").expect_code(2);
    // commands that only read are not recorded
    site.run("ledger accounts").expect_code(0);
    let listed = lines(&site.run("audit list --oldest-first --json").expect_code(0));
    let of = |field: &str| -> Vec<Value> { listed.iter().map(|it| it[field].clone()).collect() };
    let actions = ["accounts.create", "accounts.rename", "accounts.rename"];
    assert_eq!(of("action"), actions);
    assert_eq!(of("success"), [true, true, false]);
    assert_eq!(of("actor"), ["cli:ada"; 3]);
    assert_eq!(of("resource_id"), ["main", "main", "missing"]);
    let arguments = &listed[1]["details"]["arguments"];
    assert_eq!(arguments, "ledger accounts rename main other");
    let error = listed[2]["error"].as_str().expect("a text");
    assert!(error.starts_with("there is no account missing"), "{error}");
    let anchors = std::fs::read_to_string(site.cli.folder.path().join("anchors"));
    let anchors = anchors.expect("a file");
    let head = format!("0:3:{}", listed[2]["mac"].as_str().expect("a text"));
    assert_eq!(anchors.lines().last(), Some(&*head));
    let verified = site.run("audit verify").expect_code(0);
    assert_eq!(verified.stdout, "chain 0: 3 entries, intact\n");
}

#[test]
fn changed_and_missing_entries_are_named() {
    let site = Site::new();
    for name in ["a", "b", "c"] {
        let command = format!("ledger accounts rename 1 {name}");
        site.run(&command).expect_code(0);
    }
    let off =
        "ALTER TABLE audit_log DISABLE TRIGGER USER; ALTER TABLE audit_heads DISABLE TRIGGER USER;";
    site.sql(&format!(
        "{off} UPDATE audit_log SET actor = 'cli:eve' WHERE sequence = 2"
    ));
    let bad = site.run("audit verify").expect_code(1);
    let expected = "chain 0: 1 entries, then entry 2 is bad: its content was changed\n";
    assert_eq!(bad.stdout, expected);
    site.sql("UPDATE audit_log SET actor = 'cli:ada' WHERE sequence = 2");
    site.run("audit verify").expect_code(0);
    // the whole end and the head: the anchor file has it
    site.sql(
        "DELETE FROM audit_log WHERE sequence > 2; UPDATE audit_heads SET sequence = 2, \
         mac = (SELECT mac FROM audit_log WHERE sequence = 2)",
    );
    let cut = site.run("audit verify --json").expect_code(1).json();
    assert_eq!((&cut["verified"], &cut["entry"]), (&json!(2), &json!(3)));
    let fault = cut["fault"].as_str().expect("a text");
    assert!(fault.contains("the log had entry 4"), "{fault}");
}

#[test]
fn keys_that_cannot_be_read_prevent_the_change() {
    let site = Site::new();
    std::fs::remove_file(site.cli.folder.path().join("audit.keys")).expect("removed");
    let refused = site.run("ledger accounts rename main other");
    assert!(refused.error().contains("file:audit.keys"), "{refused:?}");
    let table = site.run("ledger accounts --json").expect_code(0).json();
    assert_eq!(table["name"], "main");
    let plain = site.cli.run(&["audit", "verify"]);
    assert!(plain.error().contains("audit.keys"), "{plain:?}");
    // without keys nothing is recorded
    let rename = ["ledger", "accounts", "rename", "main", "other"];
    site.cli.run(&rename).expect_code(0);
    let listed = lines(&site.run("audit list --json").expect_code(0));
    assert_eq!(listed.len(), 1);
}

#[test]
fn risk_events_are_listed_and_acknowledged() {
    let site = Site::new();
    let none = site.run("risk list").expect_code(0);
    assert_eq!(none.stderr, "there is no such risk event\n");
    site.sql(
        "INSERT INTO risk_events (account_id, kind, severity, metric, observed, threshold, details, occurred_at, \
         recorded_at) VALUES (1, 'overfill', 'critical', 'quantity', 2.5, 0, '{\"order_id\": \"a\"}', \
         '2026-12-01 12:00Z', now()), (NULL, 'stale_feed', 'warning', 'seconds', 31, 30, '{}', '2026-12-01 13:00Z', now())",
    );
    let listed = lines(&site.run("risk list --json").expect_code(0));
    assert_eq!(
        (&listed[0]["kind"], &listed[1]["observed"]),
        (&json!("stale_feed"), &json!("2.5"))
    );
    let of_account = lines(&site.run("risk list --account main --json").expect_code(0));
    assert_eq!(of_account.len(), 1);
    let done = site.run("risk acknowledge 1 --note seen").expect_code(0);
    assert_eq!(done.stdout, "acknowledged 1\n");
    let open = lines(&site.run("risk list --open --json").expect_code(0));
    assert_eq!((open.len(), &open[0]["risk_event_id"]), (1, &json!(2)));
    let again = site
        .run("risk acknowledge 1 --note other --json")
        .expect_code(0);
    assert_eq!(again.json()["note"], "seen");
    assert_eq!(again.json()["acknowledged_by"], "cli:ada");
    let unknown = site.run("risk acknowledge 9");
    assert!(
        unknown.error().contains("risk event 9 does not exist"),
        "{unknown:?}"
    );
}

#[test]
fn credentials_are_added_rotated_and_revoked() {
    let site = Site::new();
    let added = site
        .with_secret("credentials add main kraken key")
        .expect_code(0);
    assert_eq!(added.stdout, "added kraken key, version 1\n");
    let added = site.with_secret("credentials add main kraken key --json");
    let added = added.expect_code(0).json();
    assert_eq!(
        (&added["version"], &added["key_id"]),
        (&json!(2), &json!("a"))
    );
    site.keys("credentials.keys", "b:", "02");
    let rotated = site.run("credentials rotate").expect_code(0);
    assert_eq!(
        rotated.stdout,
        "encrypted 1 data keys with the current key\n"
    );
    let listed = lines(&site.run("credentials list --json").expect_code(0));
    assert_eq!((listed.len(), &listed[0]["key_id"]), (1, &json!("b")));
    let all = lines(&site.run("credentials list --revoked --json").expect_code(0));
    assert_eq!(all.len(), 2);
    site.run("credentials revoke main kraken key")
        .expect_code(0);
    let again = site.run("credentials revoke main kraken key");
    assert!(again.error().contains("credential"), "{again:?}");
    let actions = lines(&site.run("audit list --oldest-first --json").expect_code(0));
    let actions: Vec<_> = actions.iter().map(|it| it["action"].clone()).collect();
    let expected = [
        "accounts.create",
        "credentials.add",
        "credentials.add",
        "credentials.rotate",
        "credentials.revoke",
        "credentials.revoke",
    ];
    assert_eq!(actions, expected);
}

#[test]
fn secret_is_in_no_output_and_no_table() {
    let site = Site::new();
    let mut texts = String::new();
    for command in [
        "-vv credentials add main kraken key",
        "-vv credentials add main kraken key --json",
        "-vv credentials list --json",
        "-vv credentials rotate",
    ] {
        let run = site.with_secret(command).expect_code(0);
        texts += &format!("{}{}", run.stdout, run.stderr);
    }
    for table in ["credentials", "audit_log", "audit_heads"] {
        texts += &site.sql(&format!("SELECT t::text FROM {table} t"));
    }
    assert!(texts.contains("kraken"), "{texts}");
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    for part in [SECRET, &hex, &hex[..16], &"01".repeat(16), &"07".repeat(16)] {
        assert!(!texts.contains(part), "{texts}");
    }
}

#[test]
fn users_are_created_granted_and_listed() {
    let site = Site::new();
    let none = site.run("users list").expect_code(0);
    assert_eq!(none.stderr, "there is no user yet\n");
    let created = site
        .run("users create ada --email ada@example.com")
        .expect_code(0);
    assert_eq!(created.stdout, "created ada\n");
    let taken = site.run("users create ADA");
    assert!(
        taken.error().contains("user \"ADA\" already exists"),
        "{taken:?}"
    );
    site.run("users grant ada trader --account main")
        .expect_code(0);
    let granted = site
        .run("users grant Ada viewer --all --json")
        .expect_code(0);
    let expected = json!([
        {"account_id": null, "role": "viewer"}, {"account_id": 1, "role": "trader"}
    ]);
    assert_eq!(granted.json()["grants"], expected);
    site.run("users deactivate ada").expect_code(0);
    let table = site.run("users list").expect_code(0).stdout;
    let expected = "1   1       ada   ada@example.com  no      viewer of all, trader of 1";
    assert_eq!(table.lines().nth(1), Some(expected));
    site.run("users activate ada").expect_code(0);
    let left = site
        .run("users withdraw ada viewer --all --json")
        .expect_code(0)
        .json();
    assert_eq!(left["grants"], json!([{"account_id": 1, "role": "trader"}]));
    assert_eq!(left["is_active"], true);
    let unknown = site.run("users grant bob viewer --all");
    assert!(
        unknown.error().contains("there is no user bob"),
        "{unknown:?}"
    );
    let unknown = site.run("users grant ada owner --all").expect_code(2);
    assert!(
        unknown.stderr.contains("expected one of viewer"),
        "{unknown:?}"
    );
    let token = site.run("tokens add t --scope read --user ada --file tokens --json");
    assert_eq!(token.expect_code(0).json()["user"], "ada");
}
