//! Tests of the constraints of the tables of oversight, which apply to every writer.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use diesel::connection::SimpleConnection as _;
use tickbook::db::ScratchSchemas;

use crate::schema_constraints::metadata;
use crate::support::constrained::{NULL, Row, Table};

const MAC: &str = "\\x0000000000000000000000000000000000000000000000000000000000000000";

const ENTRY: &Row = &[
    ("chain_id", "0"),
    ("sequence", "1"),
    ("occurred_at", "2026-01-01 00:00Z"),
    ("actor", "a"),
    ("action", "b"),
    ("resource_type", "c"),
    ("resource_id", ""),
    ("details", "{}"),
    ("success", "true"),
    ("key_id", "k"),
    ("previous_mac", MAC),
    ("mac", MAC),
];

const RISK: &Row = &[
    ("account_id", "1"),
    ("kind", "overfill"),
    ("severity", "critical"),
    ("metric", "quantity"),
    ("observed", "1"),
    ("threshold", "0"),
    ("details", "{}"),
    ("occurred_at", "2026-01-01 00:00Z"),
    ("recorded_at", "2026-01-01 00:00Z"),
];

const CREDENTIAL: &Row = &[
    ("account_id", "1"),
    ("broker", "kraken"),
    ("label", "key"),
    ("version", "1"),
    ("key_id", "k"),
    (
        "wrapped_key",
        "\\x000000000000000000000000000000000000000000000000000000000000000000000000\
         000000000000000000000000000000000000000000000000000000000000000000000000",
    ),
    (
        "payload",
        "\\x0000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("created_at", "2026-01-01 00:00Z"),
];

const USER: &Row = &[
    ("user_id", "2"),
    ("tenant_id", "1"),
    ("username", "ada"),
    ("display_name", ""),
    ("is_active", "true"),
    ("two_factor_enabled", "false"),
    ("preferences", "{}"),
    ("created_at", "2026-01-01 00:00Z"),
    ("updated_at", "2026-01-01 00:00Z"),
];

const GRANT: &Row = &[
    ("user_id", "1"),
    ("account_id", "1"),
    ("role", "viewer"),
    ("granted_at", "2026-01-01 00:00Z"),
];

/// A table of a database that has account 1 and user 1, who has a role in all accounts.
async fn table(schemas: &ScratchSchemas, name: &'static str, good: &'static Row) -> Table {
    let mut table = metadata(schemas, name, good).await;
    let rows = "INSERT INTO accounts VALUES \
         (1, 1, 'first', 'kraken', 'live', 'USD', 'UTC', 'average', 'netting', '2026-01-01 00:00Z'); \
         INSERT INTO users VALUES (1, 1, 'Bob', 'bob@example.com', '', true, false, '{}', now(), now()); \
         INSERT INTO user_grants VALUES (1, NULL, 'viewer', now())";
    table.connection.batch_execute(rows).expect("rows");
    table
}

#[tokio::test]
async fn audit_log_refuses_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut log = table(&schemas, "audit_log", ENTRY).await;
    log.accepts(&[("ip", "2001:db8::1"), ("role", "admin")]);
    let name = |end: &str| format!("audit_log_{end}");
    log.refuses(&[("chain_id", "-1")], &name("chain_id_not_negative"));
    log.refuses(&[("sequence", "0")], &name("sequence_positive"));
    log.refuses(&[("actor", "")], &name("actor_length"));
    log.refuses(&[("details", "[]")], &name("details_object"));
    log.refuses(&[("mac", "\\x00")], &name("mac_length"));
    log.refuses(&[("occurred_at", "infinity")], &name("occurred_at_finite"));
}

#[tokio::test]
async fn risk_events_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut risks = table(&schemas, "risk_events", RISK).await;
    risks.accepts(&[("account_id", NULL)]);
    let name = |end: &str| format!("risk_events_{end}");
    risks.refuses(&[("kind", "margin")], &name("kind_known"));
    risks.refuses(&[("severity", "high")], &name("severity_known"));
    risks.refuses(&[("metric", "")], &name("metric_length"));
    risks.refuses(&[("account_id", "9")], &name("account_id_fkey"));
}

#[tokio::test]
async fn credentials_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut credentials = table(&schemas, "credentials", CREDENTIAL).await;
    credentials.accepts(&[]);
    let name = |end: &str| format!("credentials_{end}");
    credentials.refuses(&[("wrapped_key", MAC)], &name("wrapped_key_length"));
    credentials.refuses(&[("payload", MAC)], &name("payload_length"));
    credentials.refuses(&[("version", "0")], &name("version_positive"));
    credentials.refuses(&[("label", "")], &name("label_length"));
    credentials.refuses(&[("account_id", "9")], &name("account_id_fkey"));
}

#[tokio::test]
async fn users_and_grants_refuse_invalid_rows() {
    let schemas = ScratchSchemas::create();
    let mut users = table(&schemas, "users", USER).await;
    users.accepts(&[("email", "ada@example.com")]);
    users.refuses(&[("username", "BOB")], "users_folded_username");
    users.refuses(&[("email", "BOB@example.com")], "users_folded_email");
    users.refuses(&[("username", "")], "users_username_length");
    users.refuses(&[("tenant_id", "0")], "users_tenant_id_positive");
    let schemas = ScratchSchemas::create();
    let mut grants = table(&schemas, "user_grants", GRANT).await;
    grants.accepts(&[("account_id", NULL), ("role", "admin")]);
    grants.refuses(&[("account_id", NULL)], "user_grants_once");
    grants.refuses(&[("role", "owner")], "user_grants_role_known");
    grants.refuses(&[("user_id", "9")], "user_grants_user_id_fkey");
}
