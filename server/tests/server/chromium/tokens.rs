//! The page of a server that needs a token.

use tickbook_access::Scope;

use super::browser::{Browser, Window, found};
use crate::access::{TOKENS_FILE, Tokens};
use crate::whole_server::Server;

use super::loads::url;

const IS_ASKED: &str = "document.querySelector('#token-dialog').open";

/// Enters a token as a person does.
async fn enter(browser: &mut Browser, token: &str) {
    let text = serde_json::json!({"text": token});
    browser
        .evaluate("document.querySelector('#token').focus()")
        .await;
    browser.call("Input.insertText", text).await;
    browser.click("#token-form .primary").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_asks_for_a_token_and_works_with_it() {
    let Some(program) = found() else { return };
    let tokens = Tokens::new();
    let reader = tokens.add("page", Scope::Read);
    let path = tokens.path();
    let feed = ["--feed", "simulated", "--seed", "7"];
    let server = Server::start_with(&feed, &[(TOKENS_FILE, &path)]).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.open(&url(&server)).await;
    browser.until(IS_ASKED).await;
    enter(&mut browser, "tb_wrong").await;
    browser
        .until("document.querySelector('#token-message').textContent.includes('refused')")
        .await;
    enter(&mut browser, &reader).await;
    browser.until_live().await;
    browser.until("__tickbook.book().state === 'valid'").await;
    // it lasts as long as the tab, and is in no URL and no lasting storage
    browser.open(&url(&server)).await;
    browser.until_live().await;
    assert_eq!(browser.evaluate(IS_ASKED).await, false);
    let stored = "JSON.stringify([localStorage, document.cookie, location.href])";
    let stored = browser.evaluate(stored).await;
    assert!(!stored.to_string().contains(&reader), "{stored}");
    let requested = browser.requested();
    assert!(requested.iter().all(|url| !url.contains(&reader)));
    // a revoked token ends the connection, and the page asks again
    tokens.file().revoke("page").expect("revoked");
    browser.until(IS_ASKED).await;
    browser
        .until("__tickbook.status().connection === 'refused'")
        .await;
    drop(browser);
    assert!(server.stop().await);
}
