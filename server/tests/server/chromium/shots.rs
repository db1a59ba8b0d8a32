//! Screenshots at the size of a desktop and of a phone, in both themes. They are artefacts of the run, in
//! `target/tmp/page`, for people who look at them.

use super::browser::{Browser, Window, found};
use super::loads::url;
use crate::whole_server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screenshots_show_every_part_of_the_page() {
    let Some(program) = found() else { return };
    let server = Server::start_with(&["--feed", "simulated", "--seed", "7"], &[]).await;
    let mut browser = Browser::start(&program, Window::DESKTOP).await;
    for (size, window) in [("desktop", Window::DESKTOP), ("phone", Window::PHONE)] {
        for window in [window, window.light()] {
            let theme = if window.is_dark { "dark" } else { "light" };
            browser.resize(window).await;
            browser.open(&url(&server)).await;
            browser.until_live().await;
            browser.until("__tickbook.candles().length > 10").await;
            browser.until("__tickbook.book().state === 'valid'").await;
            let themed = format!("document.documentElement.dataset.theme === '{theme}'");
            browser.until(&themed).await;
            // nothing is wider than the window
            let fits = "document.documentElement.scrollWidth <= innerWidth";
            assert_eq!(browser.evaluate(fits).await, true, "{size} {theme}");
            browser.screenshot(&format!("{size}-{theme}")).await;
            if !window.is_phone() {
                continue;
            }
            for view in ["book", "tape", "watch", "account"] {
                browser.click(&format!("[data-view-of={view}]")).await;
                let visible =
                    format!("document.querySelector('[data-part={view}]').offsetHeight > 600");
                browser.until(&visible).await;
                assert_eq!(browser.evaluate(fits).await, true, "{view}");
                browser.screenshot(&format!("{size}-{theme}-{view}")).await;
            }
        }
    }
    assert_eq!(browser.problems(), Vec::<String>::new());
    drop(browser);
    assert!(server.stop().await);
}
