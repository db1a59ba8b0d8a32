//! Accessibility, checked with axe-core, and the keyboard.

use serde_json::{Value, json};

use super::browser::{Browser, Window, found};
use super::loads::url;
use crate::whole_server::Server;

/// What axe-core finds on the page as it is.
async fn violations(browser: &mut Browser) -> Vec<String> {
    let run = "axe.run(document, {resultTypes: ['violations']}).then(({violations}) => \
        violations.map(({id, impact, nodes}) => `${id} (${impact}): ${nodes[0].html.slice(0, 200)}`))";
    let found = browser.evaluate(run).await;
    let found = found.as_array().expect("a list");
    found.iter().map(Value::to_string).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_has_no_barriers_that_axe_finds() {
    let Some(program) = found() else { return };
    let Some(axe) = suite::optional_program("axe.min.js") else {
        return;
    };
    let axe = std::fs::read_to_string(axe).expect("a script");
    let server = Server::start_with(&["--feed", "simulated", "--seed", "7"], &[]).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    let desktop = [
        "#tab-positions",
        "#tab-equity",
        "#tab-feeds",
        "#tab-health",
        "#symbol",
        "#token-open",
        "#help-open",
    ];
    let phone =
        ["chart", "book", "tape", "watch", "account"].map(|it| format!("[data-view-of={it}]"));
    for window in [
        Window::DESKTOP,
        Window::DESKTOP.light(),
        Window::PHONE,
        Window::PHONE.light(),
    ] {
        browser.resize(window).await;
        browser.open(&url(&server)).await;
        browser.until_live().await;
        browser.until("__tickbook.book().state === 'valid'").await;
        // the policy of the page does not concern the protocol of the tools
        browser.evaluate(&format!("{axe}; 0")).await;
        let parts: Vec<&str> = match window.is_phone() {
            true => phone.iter().map(String::as_str).collect(),
            false => desktop.to_vec(),
        };
        for part in parts {
            browser
                .evaluate("for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close()")
                .await;
            browser.click(part).await;
            let found = violations(&mut browser).await;
            assert_eq!(found, Vec::<String>::new(), "{window:?} {part}");
        }
    }
    drop(browser);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keyboard_reaches_search_and_settings() {
    let Some(program) = found() else { return };
    let server = Server::start_with(&["--feed", "simulated", "--seed", "7"], &[]).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    browser.open(&url(&server)).await;
    browser.until_live().await;
    assert_eq!(browser.evaluate("__tickbook.shown().symbol").await, 1);
    browser.press("/").await;
    browser
        .until("document.querySelectorAll('#search-results li').length === 4")
        .await;
    browser
        .call("Input.insertText", json!({"text": "yen"}))
        .await;
    browser
        .until("document.querySelectorAll('#search-results li').length === 1")
        .await;
    browser.press("Enter").await;
    browser.until("__tickbook.shown().symbol === 3").await;
    browser.press("j").await;
    browser.until("__tickbook.shown().symbol === 4").await;
    browser.press("3").await;
    browser.until("__tickbook.shown().timeframe === '5m'").await;
    browser.press("b").await;
    browser.until("__tickbook.shown().basis === 'ask'").await;
    browser.press("t").await;
    browser
        .until("document.documentElement.dataset.theme === 'light'")
        .await;
    browser.press("?").await;
    browser.until("document.querySelector('#help').open").await;
    assert_eq!(browser.problems(), Vec::<String>::new());
    // the settings survive a reload
    browser.open(&url(&server)).await;
    browser
        .until("__tickbook.shown().symbol === 4 && __tickbook.shown().timeframe === '5m'")
        .await;
    drop(browser);
    assert!(server.stop().await);
}
