//! `tickbook feed fill`.

use anyhow::{Context as _, bail};
use serde::Serialize;
use tickbook::Clock;
use tickbook::domain::{FeedChannel, printable};
use tickbook_feeds::feed::GapFiller;
use tickbook_feeds::transport::{Tls, Transport};
use tickbook_feeds::{Channel, Endpoints, Subscription};

use super::gaps::{GapLine, names, query};
use crate::Outcome;
use crate::args::FeedFillArguments;
use crate::opening::{connect, settings};
use crate::report::{print, print_json};

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    gap: GapLine<'a>,
    /// Trades that were stored; null if the gap is not filled.
    stored: Option<u64>,
    /// Trades that were stored before; null if the gap is not filled.
    known: Option<u64>,
    /// Why the gap is not filled.
    error: Option<String>,
}

pub(super) async fn run(arguments: &FeedFillArguments, clock: &Clock) -> anyhow::Result<Outcome> {
    let venue = arguments.venue;
    // the WebSocket is not used
    let endpoints = arguments.http.as_ref();
    let endpoints = endpoints.map(|http| Endpoints::new("", http));
    let subscription = Subscription::new([venue.usual_symbol()], [Channel::Trades]);
    let history = venue
        .create(subscription, endpoints, clock)?
        .trade_history();
    let Some(history) = history else {
        bail!("{venue} has no history of trades");
    };
    let tls = Tls::of_the_system().context("the certificates of the system cannot be used")?;
    let transport = Transport::new(tls, clock.clone());
    let (repositories, _pools) = connect(&settings()?).await?;
    let feed = arguments.feed.as_deref().unwrap_or(venue.as_str());
    let reference = arguments.symbol.as_ref();
    let query = query(&repositories, reference, arguments.from, arguments.to).await?;
    let query = query.channel(FeedChannel::Trades).open(false);
    let mut query = query.filled(false).feed(feed);
    let mut filler = GapFiller::new(feed, history, transport, repositories.clone());
    let (mut filled, mut unfilled, mut trades) = (0, 0, 0);
    loop {
        let page = repositories.feeds.gaps(&query).await?;
        let names = names(&repositories, &page.items).await?;
        for gap in &page.items {
            let result = filler.fill(gap).await;
            match &result {
                Ok(found) => {
                    filled += 1;
                    trades += found.stored;
                }
                Err(_) => unfilled += 1,
            }
            let (found, error) = (result.as_ref().ok(), result.as_ref().err());
            let line = Line {
                gap: GapLine::of(gap, &names),
                stored: found.map(|found| found.stored),
                known: found.map(|found| found.known),
                error: error.map(ToString::to_string),
            };
            if arguments.json {
                print_json(&line)?;
                continue;
            }
            let text = match (found, &line.error) {
                (Some(found), _) => {
                    format!("{} stored, {} stored before", found.stored, found.known)
                }
                (None, error) => printable(error.as_deref().unwrap_or_default()),
            };
            print(&format!("{}: {text}", line.gap.text()))?;
        }
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    if !arguments.json {
        print(&format!(
            "{filled} gaps filled with {trades} trades, {unfilled} not filled"
        ))?;
    }
    Ok(match unfilled {
        0 => Outcome::Complete,
        _ => Outcome::Incomplete,
    })
}
