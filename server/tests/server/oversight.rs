//! Tests of `/api/v1/audit` and `/api/v1/risk-events`.

use serde_json::{Value, json};
use tickbook_access::Scope;
use tickbook_ledger::domain::{AccountId, Grant, Role, TenantId, UserProfile};

use crate::access::{Tokens, ask, bearer};
use crate::ledger::{ACCOUNTS, book, created, filled, with_account};
use crate::support::{get, post};
use crate::whole_server::{Server, eventually};

const RISKS: &str = "/api/v1/risk-events";

/// A server in memory with an audit log, and its anchor file.
async fn audited(tokens: &Tokens, folder: &std::path::Path) -> (Server, std::path::PathBuf) {
    let anchors = folder.join("anchors");
    let keys = format!("command:echo k:{}", "07".repeat(32));
    let path = anchors.to_str().expect("UTF-8").to_owned();
    let settings = [
        ("TICKBOOK__AUDIT__KEYS", keys.as_str()),
        ("TICKBOOK__AUDIT__ANCHOR_FILE", path.as_str()),
    ];
    (tokens.server(&settings).await, anchors)
}

#[tokio::test]
async fn administrative_requests_are_recorded() {
    let (tokens, folder) = (Tokens::new(), tempfile::tempdir().expect("a folder"));
    let [reader, writer, admin] = [Scope::Read, Scope::Write, Scope::Admin]
        .map(|scope| tokens.add(&format!("{scope}-1"), scope));
    let (server, anchors) = audited(&tokens, folder.path()).await;
    let address = server.address;
    let fields = format!("User-Agent: test/1\r\n{}", bearer(&admin));
    let body = r#"{"description": "Euro"}"#;
    let changed = ask(address, "PATCH /api/v1/symbols/1", &fields, body).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let refused = ask(address, "PATCH /api/v1/symbols/99", &fields, body).await;
    assert_eq!(refused.status, 404);
    let range = "from=2024-05-01&to=2024-05-02";
    let deleted = format!("DELETE /api/v1/trades/1?{range}");
    assert_eq!(ask(address, &deleted, &fields, "").await.status, 200);
    // neither a read, nor records, nor what the gate refuses
    let read = ask(address, "GET /api/v1/symbols", &bearer(&reader), "").await;
    assert_eq!(read.status, 200);
    ask(address, "POST /api/v1/ticks", &bearer(&writer), "[]").await;
    let forbidden = ask(address, "PATCH /api/v1/symbols/1", &bearer(&writer), body).await;
    assert_eq!(forbidden.status, 403);

    for token in [&reader, &writer] {
        let refused = ask(address, "GET /api/v1/audit", &bearer(token), "").await;
        assert_eq!(refused.problem(403), "insufficient-scope");
    }
    let listed = ask(address, "GET /api/v1/audit", &bearer(&admin), "").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let listed: Value = serde_json::from_str(&listed.body).expect("JSON");
    let entries = listed["data"].as_array().expect("an array");
    assert_eq!(entries.len(), 3, "{listed}");
    let first = &entries[0];
    for (field, value) in [
        ("sequence", json!(1)),
        ("actor", json!("token:admin-1")),
        ("role", json!("admin")),
        ("action", json!("PATCH /api/v1/symbols/{symbol}")),
        ("resource_type", json!("symbols")),
        ("resource_id", json!("1")),
        ("details", json!({"body": body, "status": "200"})),
        ("ip", json!("127.0.0.1")),
        ("user_agent", json!("test/1")),
        ("success", json!(true)),
        ("error", Value::Null),
        ("previous_mac", json!("0".repeat(64))),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    assert_eq!(entries[1]["success"], false);
    assert_eq!(entries[1]["error"], "404 Not Found");
    assert_eq!(entries[2]["details"]["query"], range);
    assert_eq!(entries[2]["previous_mac"], entries[1]["mac"]);
    let anchors = std::fs::read_to_string(anchors).expect("a file");
    let head = format!("0:3:{}", entries[2]["mac"].as_str().expect("a text"));
    assert_eq!(anchors.lines().last(), Some(&*head));
    let newest = "GET /api/v1/audit?order=desc&limit=1";
    let newest = ask(address, newest, &bearer(&admin), "").await;
    let newest: Value = serde_json::from_str(&newest.body).expect("JSON");
    assert_eq!(newest["data"][0]["sequence"], 3);
    assert!(newest["next_cursor"].is_string());
    assert!(server.stop().await);
}

#[tokio::test]
async fn overfill_raises_an_event_that_is_acknowledged() {
    let app = with_account().await;
    let none = get(&app, RISKS).await;
    assert_eq!(none.json(), json!({"data": [], "next_cursor": null}));
    book(
        &app,
        &[
            created("a", "buy", "10"),
            filled("a", "1", 1, "12.5", "100"),
        ],
    )
    .await;
    eventually("the event is recorded", async || {
        get(&app, RISKS).await.json()["data"] != json!([])
    })
    .await;
    let listed = get(&app, &format!("{RISKS}?kind=overfill&acknowledged=false")).await;
    let event = &listed.json()["data"][0];
    for (field, value) in [
        ("risk_event_id", json!(1)),
        ("severity", json!("critical")),
        ("account_id", json!(1)),
        ("observed", json!("2.5")),
        ("threshold", json!("0")),
        ("details", json!({"order_id": "a"})),
        ("acknowledgement", Value::Null),
    ] {
        assert_eq!(event[field], value, "{field}");
    }
    let path = format!("{RISKS}/1/acknowledgement");
    let done = post(&app, &path, json!({"note": "seen"}).to_string()).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.json()["acknowledgement"]["note"], "seen");
    assert_eq!(done.json()["acknowledgement"]["by"], "anonymous");
    let again = post(&app, &path, "{}".to_owned()).await;
    assert_eq!(again.json()["acknowledgement"]["note"], "seen");
    let open = get(&app, &format!("{RISKS}?acknowledged=false")).await;
    assert_eq!(open.json()["data"], json!([]));
    for (id, status) in [("9", 404), ("0", 400), ("x", 400)] {
        let path = format!("{RISKS}/{id}/acknowledgement");
        let refused = post(&app, &path, "{}".to_owned()).await;
        assert_eq!(refused.status, status, "{id}");
    }
    for wrong in [
        "kind=x",
        "severity=x",
        "acknowledged=x",
        "account_id=0",
        "x=1",
    ] {
        let refused = get(&app, &format!("{RISKS}?{wrong}")).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    assert_eq!(get(&app, ACCOUNTS).await.status, 200);
}

/// A router with the accounts 1 and 2 of the tenant 1, and 3 of the tenant 2; a request is sent as the user.
struct Site {
    server: Server,
    admin: String,
}

impl Site {
    /// A server with accounts, whose tokens belong to `ada`, who is known with `grants`.
    async fn new(tokens: &Tokens, grants: Option<&[Grant]>) -> Self {
        let admin = tokens.add("admin", Scope::Admin);
        let server = tokens.server(&[]).await;
        for (tenant, name) in [(1, "first"), (1, "second"), (2, "third")] {
            let body = json!({
                "tenant_id": tenant, "name": name, "venue": "V", "environment": "live", "base_currency": "USD"
            });
            let line = "POST /api/v1/accounts";
            let created = ask(server.address, line, &bearer(&admin), &body.to_string()).await;
            assert_eq!(created.status, 201, "{created:?}");
        }
        if let Some(grants) = grants {
            let profile = UserProfile::new(TenantId::new(1), "ada");
            let users = &server.users;
            let user = users.create(profile).await.expect("a new user");
            for grant in grants {
                users.grant(user.user_id, *grant).await.expect("granted");
            }
        }
        Self { server, admin }
    }

    async fn status(&self, line: &str, token: &str, body: &str) -> u16 {
        ask(self.server.address, line, &bearer(token), body)
            .await
            .status
    }

    /// The ids of the accounts that a token shows.
    async fn accounts(&self, token: &str) -> Vec<i64> {
        let line = "GET /api/v1/accounts";
        let listed = ask(self.server.address, line, &bearer(token), "").await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let listed: Value = serde_json::from_str(&listed.body).expect("JSON");
        let data = listed["data"].as_array().expect("an array");
        let ids = data.iter().map(|it| it["account_id"].as_i64());
        ids.map(|id| id.expect("a number")).collect()
    }
}

fn of_ada(tokens: &Tokens, scope: Scope) -> String {
    tokens.add_with("ada-1", scope, |record| record.user("ada"))
}

#[tokio::test]
async fn token_of_a_user_sees_the_granted_accounts() {
    let tokens = Tokens::new();
    let ada = of_ada(&tokens, Scope::Admin);
    let second = Grant::new(AccountId::new(2), Role::Trader);
    let first = Grant::new(AccountId::new(1), Role::Viewer);
    let site = Site::new(&tokens, Some(&[first, second])).await;
    assert_eq!(site.accounts(&ada).await, [1, 2]);
    assert_eq!(site.accounts(&site.admin).await, [1, 2, 3]);
    for (id, seen, written) in [(1, 200, 404), (2, 200, 200), (3, 404, 404)] {
        let read = format!("GET /api/v1/accounts/{id}");
        assert_eq!(site.status(&read, &ada, "").await, seen, "{read}");
        let append = format!("POST /api/v1/accounts/{id}/events");
        assert_eq!(site.status(&append, &ada, "[]").await, written, "{append}");
    }
    // an operator of all tenants reads the log
    assert_eq!(site.status("GET /api/v1/audit", &ada, "").await, 400);
    assert_eq!(
        site.status("GET /api/v1/audit?chain=1", &ada, "").await,
        400
    );
    assert_eq!(site.status("GET /api/v1/audit", &site.admin, "").await, 200);
    assert!(site.server.stop().await);
}

#[tokio::test]
async fn token_of_an_unknown_user_sees_no_account() {
    let tokens = Tokens::new();
    let ada = of_ada(&tokens, Scope::Read);
    let site = Site::new(&tokens, None).await;
    assert_eq!(site.accounts(&ada).await, [0; 0]);
    assert_eq!(site.status("GET /api/v1/accounts/1", &ada, "").await, 404);
    // symbols belong to no tenant
    assert_eq!(site.status("GET /api/v1/symbols", &ada, "").await, 200);
    assert!(site.server.stop().await);
}

#[tokio::test]
async fn grants_of_a_tenant_cover_its_accounts() {
    let tokens = Tokens::new();
    let ada = of_ada(&tokens, Scope::Write);
    let site = Site::new(&tokens, Some(&[Grant::new(None, Role::Admin)])).await;
    assert_eq!(site.accounts(&ada).await, [1, 2]);
    let body = |tenant| {
        json!({
            "tenant_id": tenant, "name": "new", "venue": "V", "environment": "live", "base_currency": "USD"
        })
        .to_string()
    };
    let create = "POST /api/v1/accounts";
    assert_eq!(site.status(create, &ada, &body(2)).await, 400);
    assert_eq!(site.status(create, &ada, &body(1)).await, 201);
    assert_eq!(site.accounts(&ada).await, [1, 2, 4]);
    assert!(site.server.stop().await);
}
