//! A headless Chromium, driven by its DevTools protocol.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::whole_server::DEADLINE;

/// Finds the browser; `None`, and the test counts as skipped, unless `make test-programs` runs.
pub(super) fn found() -> Option<PathBuf> {
    suite::program("chromium-headless-shell")
}

/// The size of a window in pixels of style sheets, and its colours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) is_dark: bool,
}

impl Window {
    pub(super) const DESKTOP: Self = Self::new(1_440, 900);
    pub(super) const PHONE: Self = Self::new(390, 844);

    const fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            is_dark: true,
        }
    }

    pub(super) const fn light(self) -> Self {
        Self {
            is_dark: false,
            ..self
        }
    }

    pub(super) fn is_phone(self) -> bool {
        self.width < 760
    }
}

/// A browser with one tab. It ends when it is dropped.
pub(super) struct Browser {
    child: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The tab.
    session: String,
    last_id: u64,
    /// Events that arrived between answers.
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(super) async fn start(program: &Path, window: Window) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(program)
            // the test may run as root, without a display and with little shared memory
            .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-port=0", "--no-first-run"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("HOME", profile.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Chromium starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (found, address) = tokio::sync::oneshot::channel();
        // reads to the end, because a full pipe would block the browser
        std::thread::spawn(move || {
            let mut found = Some(found);
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("DevTools listening on ")
                    && let Some(found) = found.take()
                {
                    let _ = found.send(url.to_owned());
                }
            }
        });
        let url = timeout(DEADLINE, address).await.expect("in time");
        let url = url.expect("Chromium prints its address");
        let (socket, _) = connect_async(url).await.expect("a WebSocket");
        let mut browser = Self {
            child,
            socket,
            session: String::new(),
            last_id: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = json!({"url": "about:blank"});
        let target = browser.call("Target.createTarget", target).await;
        let attaching = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attaching).await;
        browser.session = attached["sessionId"].as_str().expect("an id").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser.resize(window).await;
        browser
    }

    pub(super) async fn resize(&mut self, window: Window) {
        let metrics = json!({
            "width": window.width, "height": window.height,
            "deviceScaleFactor": 1, "mobile": window.is_phone(),
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let scheme = if window.is_dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", media).await;
    }

    /// Sends a command to the tab and returns its result.
    pub(super) async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let mut command = json!({"id": self.last_id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        let sending = self.socket.send(Message::text(command.to_string()));
        sending.await.expect("sent");
        loop {
            let message = timeout(DEADLINE, self.socket.next()).await;
            let message = message.expect("an answer in time").expect("no end");
            let Message::Text(text) = message.expect("a message") else {
                continue;
            };
            let message: Value = serde_json::from_str(&text).expect("JSON");
            if message["id"] == self.last_id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            if message["method"].is_string() {
                self.events.push(message);
            }
        }
    }

    /// Runs a script on every page before its own scripts.
    pub(super) async fn before_each_page(&mut self, script: &str) {
        let method = "Page.addScriptToEvaluateOnNewDocument";
        self.call(method, json!({"source": script})).await;
    }

    pub(super) async fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", json!({"url": url})).await;
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
    }

    /// The value of an expression on the page; a promise is awaited.
    pub(super) async fn evaluate(&mut self, expression: &str) -> Value {
        let parameters =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters).await;
        let exception = &result["exceptionDetails"];
        assert!(exception.is_null(), "{expression}: {exception}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true. Returns early with a failure that shows the page's own state.
    pub(super) async fn until(&mut self, expression: &str) {
        // the page may not be loaded yet
        let safe = format!(
            "(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"
        );
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while self.evaluate(&safe).await != true {
            if tokio::time::Instant::now() > deadline {
                let state = "JSON.stringify([window.__tickbook?.status(), window.__tickbook?.shown(), \
                    document.querySelector('#chart-message-text')?.textContent])";
                let state = self.evaluate(state).await;
                panic!("never: {expression}: {state}, {:?}", self.problems());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the chart, the book and the connection are live.
    pub(super) async fn until_live(&mut self) {
        self.until("__tickbook.candles().length > 0").await;
        self.until("__tickbook.status().connection === 'live'")
            .await;
    }

    pub(super) async fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key});
            if key.chars().count() == 1 && kind == "keyDown" {
                event["text"] = json!(key);
            }
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Scrolls the chart to the left with the keyboard, until it has this many candles.
    pub(super) async fn scroll_to(&mut self, candles: i64) {
        let many = "for (let turn = 0; turn < 40; turn += 1) \
            document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'}))";
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while self.evaluate("__tickbook.candles().length").await != candles {
            assert!(tokio::time::Instant::now() < deadline, "no history");
            self.evaluate(many).await;
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks an element.
    pub(super) async fn click(&mut self, selector: &str) {
        let clicking = format!("document.querySelector({selector:?}).click()");
        self.evaluate(&clicking).await;
    }

    /// Errors and warnings of the console, exceptions and violations of the content security policy.
    pub(super) fn problems(&self) -> Vec<String> {
        let problem = |event: &Value| {
            let parameters = &event["params"];
            let is_bad = match event["method"].as_str()? {
                "Runtime.consoleAPICalled" => {
                    matches!(parameters["type"].as_str()?, "error" | "warning" | "assert")
                }
                "Runtime.exceptionThrown" => true,
                "Log.entryAdded" => {
                    matches!(parameters["entry"]["level"].as_str()?, "error" | "warning")
                }
                _ => false,
            };
            is_bad.then(|| parameters.to_string())
        };
        self.events.iter().filter_map(problem).collect()
    }

    /// The addresses of all requests.
    pub(super) fn requested(&self) -> Vec<String> {
        let url = |event: &Value| {
            match event["method"].as_str()? {
                "Network.requestWillBeSent" => event["params"]["request"]["url"].as_str(),
                "Network.webSocketCreated" => event["params"]["url"].as_str(),
                _ => None,
            }
            .map(str::to_owned)
        };
        self.events.iter().filter_map(url).collect()
    }

    /// Writes a screenshot to the folder of artefacts and returns its path.
    pub(super) async fn screenshot(&mut self, name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
        std::fs::create_dir_all(&folder).expect("a folder");
        let shot = self
            .call("Page.captureScreenshot", json!({"format": "png"}))
            .await;
        let data = shot["data"].as_str().expect("an image");
        let path = folder.join(format!("{name}.png"));
        let image = STANDARD.decode(data).expect("base64");
        std::fs::write(&path, image).expect("written");
        path
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // the child may be a script that started the browser; the processes may already have ended
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}
