//! cryptofeed, which runs in a process of its own.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::case::{Case, Kind, Venue};
use crate::contender::{Contender, Found, Sample};

const PROGRAM: &str = include_str!("cryptofeed_peer.py");

/// The process. It is killed when the last contender is dropped.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// `cryptofeed` with its version and that of Python.
    pub(crate) version: String,
}

impl Process {
    /// Starts the Python of `TICKBOOK_PEERS_PYTHON`, which has cryptofeed.
    pub(crate) fn start() -> Result<Self> {
        let python = std::env::var_os("TICKBOOK_PEERS_PYTHON")
            .filter(|python| !python.is_empty())
            .context("TICKBOOK_PEERS_PYTHON names no Python that has cryptofeed")?;
        let mut child = Command::new(python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().context("an input")?;
        let output = BufReader::new(child.stdout.take().context("an output")?);
        let mut process = Self {
            child,
            input,
            output,
            version: String::new(),
        };
        let version = process.ask(&json!({"do": "version"}))?;
        process.version = version["version"].as_str().unwrap_or_default().to_owned();
        Ok(process)
    }

    fn ask(&mut self, question: &Value) -> Result<Value> {
        writeln!(self.input, "{question}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).context("cryptofeed's process ended")?;
        if let Some(error) = answer["error"].as_str() {
            bail!("{error}");
        }
        Ok(answer)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it may have ended
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A case in the process.
pub(crate) struct Cryptofeed {
    process: Rc<RefCell<Process>>,
    number: u64,
}

/// The messages as cryptofeed reads them.
fn texts(case: &Case, messages: &[crate::case::Message]) -> Vec<Value> {
    let text = |text: &str| match (case.venue, case.kind) {
        // it reads the stream `aggTrade`
        (Venue::Binance, Kind::Trade) => text
            .replace(r#"@trade""#, r#"@aggTrade""#)
            .replace(r#""e":"trade""#, r#""e":"aggTrade""#)
            .replace(r#""t":"#, r#""a":"#),
        // it reads asks of a snapshot only under this name
        (Venue::CoinbaseAdvanced, _) => text.replace(r#""side":"offer""#, r#""side":"ask""#),
        _ => text.to_owned(),
    };
    let value = |message: &crate::case::Message| {
        let seconds = message.at.timestamp_micros() as f64 / 1e6;
        json!([text(&message.text), seconds])
    };
    messages.iter().map(value).collect()
}

impl Cryptofeed {
    /// Passes a case to the process; `None` if cryptofeed does not read such messages.
    pub(crate) fn new(process: &Rc<RefCell<Process>>, case: &Case) -> Result<Option<Self>> {
        let exchange = match (case.venue, case.kind) {
            (Venue::Binance, _) => "binance",
            (Venue::KrakenV1, _) => "kraken",
            (Venue::CoinbaseAdvanced, Kind::Book | Kind::Trade) => "coinbase",
            (Venue::Okx, _) => "okx",
            _ => return Ok(None),
        };
        let answers = case.answers.iter();
        let answers: serde_json::Map<_, _> = answers
            .map(|(symbol, answer)| (symbol.clone(), answer.text.clone().into()))
            .collect();
        let kept = process.borrow_mut().ask(&json!({
            "do": "keep",
            "exchange": exchange,
            "symbols": case.symbols,
            "setup": texts(case, &case.setup),
            "answers": answers,
            "messages": texts(case, &case.messages),
        }))?;
        let number = kept["number"].as_u64().context("the number of the case")?;
        Ok(Some(Self {
            process: Rc::clone(process),
            number,
        }))
    }
}

impl Contender for Cryptofeed {
    fn check(&mut self) -> Result<Found> {
        let question = json!({"do": "check", "number": self.number});
        let answer = self.process.borrow_mut().ask(&question)?;
        let mut found = Found {
            records: answer["records"].as_u64().unwrap_or_default(),
            sum: answer["sum"].as_f64().unwrap_or_default(),
            ..Found::default()
        };
        for (symbol, top) in answer["tops"].as_object().into_iter().flatten() {
            let price = |side: usize| top[side].as_f64().unwrap_or(f64::NAN);
            found.tops.insert(symbol.clone(), (price(0), price(1)));
        }
        Ok(found)
    }

    fn turn(&mut self, repeats: u32) -> Result<Sample> {
        let question = json!({"do": "turn", "number": self.number, "repeats": repeats});
        let answer = self.process.borrow_mut().ask(&question)?;
        let figure = |name: &str| answer[name].as_f64().context(name.to_owned());
        Ok(Sample {
            messages: figure("messages")?,
            cpu_seconds: figure("cpu")?,
            seconds: figure("wall")?,
        })
    }
}
