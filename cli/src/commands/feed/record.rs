//! `tickbook feed record`.

use std::io::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tickbook::Clock;
use tickbook_feeds::feed::{MessageLog, MessageRecorder};
use tickbook_feeds::session::SessionLine;
use tickbook_feeds::transport::{Receiver, Tls, Transport, TransportEvent};
use tickbook_feeds::{Endpoints, Subscription};

use super::NETWORK;
use crate::Outcome;
use crate::args::FeedRecordArguments;
use crate::interruption::interrupted;
use crate::opening::{connect, settings};
use crate::output_file::Output;

/// The longest time until the last messages are stored.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(arguments: &FeedRecordArguments, clock: &Clock) -> anyhow::Result<Outcome> {
    if arguments.store {
        return into_the_database(arguments, clock).await;
    }
    let output = Output::open(arguments.output.as_deref(), arguments.force)?;
    let writer = output.opener()().context("cannot open the output")?;
    let writer = Box::new(std::io::BufWriter::new(writer));
    let mut recording = Recording::new(Target::File(writer));
    record(arguments, clock, &mut recording).await?;
    if let Target::File(writer) = &mut recording.target {
        writer.flush().context("cannot write the output")?;
    }
    drop(recording.target);
    output.finish()?;
    eprintln!("{} messages recorded", recording.messages);
    Ok(Outcome::Complete)
}

async fn into_the_database(
    arguments: &FeedRecordArguments,
    clock: &Clock,
) -> anyhow::Result<Outcome> {
    let (repositories, _pools) = connect(&settings()?).await?;
    // the server drops old messages, if it records any
    let log = MessageLog::start(repositories.feeds.clone(), None, clock.clone());
    let name = arguments.feed.as_deref();
    let name = name.unwrap_or(arguments.venue.as_str());
    let mut recording = Recording::new(Target::Log(log.source(name)));
    let recorded = record(arguments, clock, &mut recording).await;
    let result = log.finish(PATIENCE).await;
    recorded?;
    eprintln!("{} messages stored, {} lost", result.stored, result.lost);
    Ok(match result.lost {
        0 => Outcome::Complete,
        _ => Outcome::Incomplete,
    })
}

/// Records until the time is over or a signal arrives.
async fn record(
    arguments: &FeedRecordArguments,
    clock: &Clock,
    recording: &mut Recording,
) -> anyhow::Result<()> {
    let tls = Tls::of_the_system().context("the certificates of the system cannot be used")?;
    let transport = Transport::new(tls, clock.clone());
    let endpoints = arguments.websocket.as_ref().zip(arguments.http.as_ref());
    let endpoints = endpoints.map(|(websocket, http)| Endpoints::new(websocket, http));
    let symbols = match arguments.symbols.is_empty() {
        true => vec![arguments.venue.usual_symbol().to_owned()],
        false => arguments.symbols.clone(),
    };
    let subscription = Subscription::new(symbols, arguments.channels.iter().copied());
    let mut venue = arguments.venue.create(subscription, endpoints, clock)?;
    let over = async {
        match arguments.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = transport.run(&mut venue, recording) => {}
        () = over => {}
        _ = interrupted() => {}
    }
    match recording.failure.take() {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

enum Target {
    /// The lines of a session.
    File(Box<dyn Write + Send>),
    Log(MessageRecorder),
}

struct Recording {
    target: Target,
    address: String,
    messages: u64,
    failure: Option<anyhow::Error>,
}

impl Recording {
    fn new(target: Target) -> Self {
        Self {
            target,
            address: String::new(),
            messages: 0,
            failure: None,
        }
    }

    fn write(&mut self, event: &TransportEvent<'_>) {
        let address = self.address.as_str();
        let line = match event {
            TransportEvent::Opened { address, at } | TransportEvent::Renewed { address, at } => {
                SessionLine::Opened { address, at: *at }
            }
            TransportEvent::Sent { text, at } => SessionLine::Sent {
                address,
                at: *at,
                text,
            },
            TransportEvent::Message(frame) => SessionLine::Received {
                at: frame.received_at,
                text: frame.text,
            },
            TransportEvent::Answer { address, body } => SessionLine::Answer {
                address,
                at: body.received_at,
                body: body.text,
            },
            _ => return,
        };
        let written = match &mut self.target {
            Target::File(writer) => writeln!(writer, "{line}"),
            Target::Log(recorder) => {
                recorder.observe(event);
                Ok(())
            }
        };
        if let Err(error) = written {
            self.failure = Some(anyhow!(error).context("cannot write the output"));
        }
    }
}

impl Receiver for Recording {
    fn event(&mut self, event: TransportEvent<'_>) {
        match &event {
            TransportEvent::Opened { address, .. } | TransportEvent::Renewed { address, .. } => {
                (*address).clone_into(&mut self.address);
            }
            TransportEvent::Message(_) => self.messages += 1,
            TransportEvent::ConnectFailed { address, error } if self.address.is_empty() => {
                self.failure = Some(anyhow!("{address}: {error}: {NETWORK}"));
            }
            _ => {}
        }
        self.write(&event);
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        match self.failure {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}
