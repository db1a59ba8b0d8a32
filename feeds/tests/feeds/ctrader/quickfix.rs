//! QuickFIX, the engine in C++, in the part of the broker. `dev/quickfix_acceptor` is its program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tickbook_feeds::Channel;

use super::acceptor::{CLIENT, PASSWORD};
use super::client::{Client, Seen};
use super::market::{Body, Market};

const ALL: [Channel; 3] = [Channel::Quotes, Channel::Book(10), Channel::Instruments];

/// A running acceptor, which answers the requests of the client.
struct QuickFix {
    process: Child,
    port: u16,
    input: Arc<Mutex<ChildStdin>>,
    market: Arc<Mutex<Market>>,
    /// The lines that it wrote.
    lines: Arc<Mutex<Vec<String>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn line(msg_type: &str, body: Body) -> String {
    let fields: String = body
        .iter()
        .map(|(tag, value)| format!("{tag}={value}|"))
        .collect();
    // QuickFIX computes length and checksum
    format!("send 8=FIX.4.4|9=0|35={msg_type}|{fields}10=000|\n")
}

fn answer(request: &str, market: &mut Market) -> Option<String> {
    let field = |tag: &str| {
        let mut fields = request.split('|');
        fields.find_map(|field| field.strip_prefix(tag))
    };
    match (field("35=")?, field("263="), field("264=")) {
        ("x", ..) => Some(line("y", Market::list())),
        ("V", Some("1"), Some("1")) => Some(line("W", market.quote())),
        ("V", Some("1"), Some("0")) => Some(line("W", market.depth())),
        _ => None,
    }
}

impl QuickFix {
    /// `None` if this run has no QuickFIX; the test counts as skipped then.
    fn start() -> Option<Self> {
        let program = suite::optional_program("quickfix-acceptor")?;
        Some(Self::start_at(program, suite::free_port(), Market::new()))
    }

    fn start_at(program: PathBuf, port: u16, market: Market) -> Self {
        let dictionary =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../dev/quickfix_acceptor/cserver.xml");
        let mut process = Command::new(program)
            .arg(port.to_string())
            .arg(dictionary)
            .arg(CLIENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("QuickFIX");
        let output = process.stdout.take().expect("an output");
        let input = process.stdin.take().expect("an input");
        let input = Arc::new(Mutex::new(input));
        let market = Arc::new(Mutex::new(market));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut output = BufReader::new(output).lines();
        let ready = output.next().expect("a line").expect("a text");
        assert_eq!(ready, "ready");
        let acceptor = Self {
            process,
            port,
            input: Arc::clone(&input),
            market: Arc::clone(&market),
            lines: Arc::clone(&lines),
        };
        std::thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                if let Some(request) = line.strip_prefix("app ") {
                    let mut market = lock(&market);
                    if let Some(answer) = answer(request, &mut market) {
                        let _ = lock(&input).write_all(answer.as_bytes());
                    }
                }
                lock(&lines).push(line);
            }
        });
        acceptor
    }

    fn write(&self, line: &str) {
        let written = lock(&self.input).write_all(line.as_bytes());
        written.expect("QuickFIX reads");
    }

    fn quote(&self) {
        let mut market = lock(&self.market);
        let body = market.quote();
        self.write(&line("W", body));
    }

    fn change(&self, step: i64) {
        let mut market = lock(&self.market);
        let body = market.change(step);
        self.write(&line("X", body));
    }

    fn levels(&self) -> Vec<String> {
        lock(&self.market).levels()
    }

    /// The messages with which QuickFIX refused something, or the client did.
    fn refusals(&self) -> Vec<String> {
        let lines = lock(&self.lines);
        let refusals = lines
            .iter()
            .filter(|line| line.contains("|35=3|") || line.contains("|35=j|"));
        refusals.cloned().collect()
    }

    /// Kills the process with SIGKILL. Returns its port and its market.
    fn kill(mut self) -> (u16, Market) {
        self.process.kill().expect("killed");
        self.process.wait().expect("an end");
        (self.port, std::mem::take(&mut lock(&self.market)))
    }
}

impl Drop for QuickFix {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn has(levels: Vec<String>) -> impl Fn(&Seen) -> bool {
    move |seen| seen.levels.as_ref() == Some(&levels)
}

#[tokio::test]
async fn quickfix_and_client_accept_each_other() {
    let Some(acceptor) = QuickFix::start() else {
        return;
    };
    let client = Client::start(acceptor.port, PASSWORD, &ALL);
    client
        .until("quote and book", |seen| {
            seen.levels.is_some() && !seen.quotes.is_empty()
        })
        .await;
    for step in 0..50 {
        acceptor.change(step);
        acceptor.quote();
    }
    let seen = client
        .until("last message", |seen| {
            seen.quotes.len() == 51 && seen.updates == 50
        })
        .await;
    assert_eq!(seen.levels, Some(acceptor.levels()));
    let bids: Vec<_> = seen.quotes.iter().map(|(bid, _)| *bid).collect();
    assert!(bids.iter().copied().eq(1..=51), "{bids:?}");
    assert_eq!(seen.instruments.len(), 2);
    assert_eq!((seen.stale.len(), seen.refused.len()), (0, 0), "{seen:?}");
    assert_eq!(acceptor.refusals(), [""; 0]);
}

#[tokio::test]
async fn quickfix_fills_gaps_that_the_client_reports() {
    let Some(acceptor) = QuickFix::start() else {
        return;
    };
    let client = Client::start(acceptor.port, PASSWORD, &ALL);
    client.until("book", |seen| seen.levels.is_some()).await;
    acceptor.write("skip 3\n");
    acceptor.change(2);
    let seen = client
        .until("next snapshot", |seen| {
            seen.snapshots == 2 && seen.levels.is_some()
        })
        .await;
    assert_eq!(seen.stale, ["gap"]);
    assert_eq!((seen.lost, seen.opened), (3, 1), "{seen:?}");
    acceptor.change(3);
    client.until("same book", has(acceptor.levels())).await;
    assert_eq!(acceptor.refusals(), [""; 0]);
}

#[tokio::test]
async fn killed_quickfix_doubles_and_hides_nothing() {
    let Some(mut acceptor) = QuickFix::start() else {
        return;
    };
    let program = suite::optional_program("quickfix-acceptor").expect("it was there");
    let client = Client::start(acceptor.port, PASSWORD, &ALL);
    for round in 0..4 {
        client.until("book", has(acceptor.levels())).await;
        for step in 0..30 {
            acceptor.change(step);
            acceptor.quote();
        }
        if round == 3 {
            break;
        }
        let (port, market) = acceptor.kill();
        client
            .until("end", |seen| {
                seen.ends.len() > round && seen.levels.is_none()
            })
            .await;
        acceptor = QuickFix::start_at(program.clone(), port, market);
    }
    client.until("last book", has(acceptor.levels())).await;
    let seen = client.seen();
    for pair in seen.quotes.windows(2) {
        let ((first, before), (second, after)) = (pair[0], pair[1]);
        assert!(first < second, "doubled or out of order: {pair:?}");
        assert!(second == first + 1 || before < after, "hidden: {pair:?}");
    }
    assert_eq!(seen.stale, ["disconnected"; 3]);
    assert_eq!(seen.lost, 0);
}
