//! Tests of tokens and origins of WebSocket clients.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tickbook_access::{Scope, Token};
use tickbook_ledger::domain::{AccountId, Grant, Role, TenantId, UserProfile};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::access::{SetClock, TOKENS_FILE, Tokens, ask, bearer, noon};
use crate::ledger::new_account;
use crate::websocket::{Client, Next};
use crate::whole_server::{DEADLINE, Server};

/// Connects with header fields, or returns the status of the refusal.
async fn connect(server: &Server, fields: &[(&'static str, String)]) -> Result<Client, u16> {
    let url = format!("ws://{}/ws", server.address);
    let mut request = url.into_client_request().expect("a request");
    for (name, value) in fields {
        let value = value.parse().expect("a value");
        request.headers_mut().insert(*name, value);
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(Client::of(socket)),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(other) => panic!("{other:?}"),
    }
}

fn header(token: &str) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {token}"))]
}

fn authenticate(token: &str) -> Value {
    json!({"op": "authenticate", "token": token, "id": 1})
}

/// The close code and the reason, after heartbeats and errors.
async fn closed(client: &mut Client) -> (u16, String) {
    let closing = async {
        loop {
            if let Next::Closed(code, reason) = client.next().await {
                return (code, reason);
            }
        }
    };
    timeout(DEADLINE, closing).await.expect("it is closed")
}

#[tokio::test]
async fn token_in_the_handshake_or_the_first_message() {
    let tokens = Tokens::new();
    let token = tokens.add("stream", Scope::Read);
    let server = tokens.server(&[]).await;
    let mut by_header = connect(&server, &header(&token)).await.expect("connected");
    by_header.ticks(&[1]).await;
    let mut by_message = connect(&server, &[]).await.expect("connected");
    let answer = by_message.request(authenticate(&token)).await;
    assert_eq!(
        answer,
        json!({"seq": 1, "type": "authenticated", "id": 1, "name": "stream", "expires_at": null})
    );
    by_message.ticks(&[1]).await;
    assert_eq!(
        by_message.request(json!({"op": "ping"})).await["type"],
        "pong"
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn requests_before_the_token_are_errors() {
    let tokens = Tokens::new();
    let token = tokens.add("stream", Scope::Read);
    let server = tokens.server(&[]).await;
    let mut client = connect(&server, &[]).await.expect("connected");
    for request in [
        json!({"op": "subscribe", "channel": "ticks", "symbols": [1]}),
        json!({"op": "subscribe", "channel": "orders", "account": 1}),
        json!({"op": "unsubscribe", "channel": "ticks", "symbols": [1]}),
        json!({"op": "ping"}),
    ] {
        let reason = client.error(request).await;
        assert!(reason.starts_with("authenticate first"), "{reason}");
    }
    let reason = client.error(json!({"op": "authenticate"})).await;
    assert!(reason.starts_with("token is missing"), "{reason}");
    let given = json!({"op": "ping", "token": token});
    let reason = client.error(given).await;
    assert!(
        reason.starts_with("only authenticate has a token"),
        "{reason}"
    );
    assert!(!reason.contains(&token));
    // requests are carried out in their order
    client.send(authenticate(&token)).await;
    client
        .send(json!({"op": "subscribe", "channel": "ticks", "symbols": [1]}))
        .await;
    assert_eq!(client.message().await["type"], "authenticated");
    assert_eq!(client.message().await["type"], "subscribed");
    assert!(server.stop().await);
}

#[tokio::test]
async fn client_without_a_token_is_closed() {
    let tokens = Tokens::new();
    let settings = [("TICKBOOK__ACCESS__AUTHENTICATE_TIMEOUT_MS", "100")];
    let server = tokens.server(&settings).await;
    let mut client = connect(&server, &[]).await.expect("connected");
    let (code, reason) = closed(&mut client).await;
    assert_eq!(code, 1008);
    assert!(reason.starts_with("no token was sent in time"), "{reason}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn invalid_token_of_a_client_is_refused() {
    let tokens = Tokens::new();
    let server = tokens.server(&[]).await;
    let other = Token::generate().expect("random");
    for token in [other.expose(), "", "x", &"x".repeat(10_000)] {
        let refused = connect(&server, &header(token)).await.err();
        assert_eq!(refused, Some(401), "{token:.60}");
        let mut client = connect(&server, &[]).await.expect("connected");
        client.send(authenticate(token)).await;
        let (code, reason) = closed(&mut client).await;
        assert_eq!((code, reason.as_str()), (1008, "invalid token"));
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn revoked_token_ends_its_clients_only() {
    let tokens = Tokens::new();
    let (kept, revoked) = (
        tokens.add("kept", Scope::Read),
        tokens.add("gone", Scope::Read),
    );
    let server = tokens.server(&[]).await;
    let mut of_header = connect(&server, &header(&revoked))
        .await
        .expect("connected");
    let mut of_message = connect(&server, &[]).await.expect("connected");
    of_message.request(authenticate(&revoked)).await;
    let mut other = connect(&server, &header(&kept)).await.expect("connected");
    // a later token replaces an earlier one
    let mut changed = connect(&server, &header(&revoked))
        .await
        .expect("connected");
    changed.request(authenticate(&kept)).await;
    tokens.file().revoke("gone").expect("revoked");
    for client in [&mut of_header, &mut of_message] {
        let (code, reason) = closed(client).await;
        assert_eq!(code, 1008);
        assert!(reason.starts_with("the token was revoked"), "{reason}");
    }
    other.ticks(&[1]).await;
    changed.ticks(&[1]).await;
    assert!(server.stop().await);
}

#[tokio::test]
async fn expiry_ends_a_client() {
    let tokens = Tokens::new();
    let clock = SetClock::new();
    let end = noon() + TimeDelta::hours(1);
    let token = tokens.add_with("brief", Scope::Read, |it| it.expires_at(end));
    let path = tokens.path();
    let server = Server::start_at(&[(TOKENS_FILE, &path)], &clock.clock()).await;
    let mut client = connect(&server, &[]).await.expect("connected");
    let answer = client.request(authenticate(&token)).await;
    assert_eq!(answer["expires_at"], "2026-11-30T13:00:00.000000Z");
    client.ticks(&[1]).await;
    clock.advance(TimeDelta::hours(1));
    let (code, reason) = closed(&mut client).await;
    assert_eq!(code, 1008);
    assert!(reason.contains("expired"), "{reason}");
    let mut late = connect(&server, &[]).await.expect("connected");
    late.send(authenticate(&token)).await;
    let (code, reason) = closed(&mut late).await;
    assert_eq!((code, reason.as_str()), (1008, "the token has expired"));
    assert!(server.stop().await);
}

#[tokio::test]
async fn pages_of_other_origins_get_no_websocket() {
    let settings = [("TICKBOOK__ACCESS__ORIGINS", "https://app.example")];
    let server = Server::with_symbols(&settings, 1).await;
    let own = format!("http://{}", server.address);
    for (origin, refused) in [
        ("https://app.example", None),
        (own.as_str(), None),
        ("http://evil.example", Some(403)),
        ("null", Some(403)),
        ("https://app.example:444", Some(403)),
    ] {
        let connected = connect(&server, &[("origin", origin.to_owned())]).await;
        assert_eq!(connected.err(), refused, "{origin}");
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn server_without_tokens_accepts_any_token() {
    let server = Server::with_symbols(&[], 1).await;
    let mut client = connect(&server, &header("anything"))
        .await
        .expect("connected");
    let answer = client.request(authenticate("anything")).await;
    assert_eq!(
        (&answer["type"], &answer["name"]),
        (&json!("authenticated"), &Value::Null)
    );
    client.ticks(&[1]).await;
    assert!(server.stop().await);
}

#[tokio::test]
async fn client_follows_the_accounts_of_its_user() {
    let tokens = Tokens::new();
    let admin = tokens.add("admin", Scope::Admin);
    let ada = tokens.add_with("ada-1", Scope::Read, |record| record.user("ada"));
    let server = tokens.server(&[]).await;
    for name in ["first", "second"] {
        let body = new_account(name).to_string();
        let line = "POST /api/v1/accounts";
        let created = ask(server.address, line, &bearer(&admin), &body).await;
        assert_eq!(created.status, 201, "{created:?}");
    }
    let profile = UserProfile::new(TenantId::new(1), "ada");
    let user = server.users.create(profile).await.expect("a new user");
    let grant = Grant::new(AccountId::new(2), Role::Viewer);
    let granted = server.users.grant(user.user_id, grant).await;
    granted.expect("granted");
    let follow = |account: i64| json!({"op": "subscribe", "channel": "orders", "account": account});
    for is_by_message in [false, true] {
        let fields = header(&ada);
        let fields = if is_by_message { &[][..] } else { &fields };
        let mut client = connect(&server, fields).await.expect("connected");
        if is_by_message {
            client.request(authenticate(&ada)).await;
        }
        let reason = client.error(follow(1)).await;
        assert!(reason.contains("unknown account 1"), "{reason}");
        let answer = client.request(follow(2)).await;
        assert_eq!(answer["type"], "subscribed", "{answer}");
    }
    assert!(server.stop().await);
}
