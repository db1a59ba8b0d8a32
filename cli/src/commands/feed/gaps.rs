//! `tickbook feed gaps`.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Serialize;
use tickbook::Repositories;
use tickbook::domain::{
    FeedGap, GapEdge, PageLimit, SymbolId, SymbolReference, TimeRange, printable,
};
use tickbook::repository::FeedGapQuery;

use crate::Outcome;
use crate::args::FeedGapsArguments;
use crate::opening::{connect, full_name, settings, symbol};
use crate::report::{print, print_json};
use crate::times::time_text;

/// The names of symbols, such as `kraken:BTC/USD`.
pub(super) type Names = HashMap<SymbolId, String>;

/// A record beside a gap.
#[derive(Debug, Serialize)]
struct Edge {
    time: String,
    sequence: Option<i64>,
}

impl From<GapEdge> for Edge {
    fn from(edge: GapEdge) -> Self {
        Self {
            time: time_text(edge.time),
            sequence: edge.sequence,
        }
    }
}

/// One line of the output.
#[derive(Debug, Serialize)]
pub(super) struct GapLine<'a> {
    feed: &'a str,
    symbol_id: i64,
    /// Null if the symbol no longer exists.
    symbol: Option<&'a str>,
    channel: &'static str,
    from: String,
    to: Option<String>,
    reason: &'static str,
    last: Option<Edge>,
    next: Option<Edge>,
    filled_at: Option<String>,
    failure: Option<&'a str>,
}

impl<'a> GapLine<'a> {
    pub(super) fn of(gap: &'a FeedGap, names: &'a Names) -> Self {
        Self {
            feed: &gap.feed,
            symbol_id: gap.symbol_id.get(),
            symbol: names.get(&gap.symbol_id).map(String::as_str),
            channel: gap.channel.as_str(),
            from: time_text(gap.from),
            to: gap.to.map(time_text),
            reason: gap.reason.as_str(),
            last: gap.last.map(Into::into),
            next: gap.next.map(Into::into),
            filled_at: gap.filled_at.map(time_text),
            failure: gap.failure.as_deref(),
        }
    }

    /// `kraken kraken:BTC/USD trades 2026-… to 2026-… (silence)`
    pub(super) fn text(&self) -> String {
        let id = self.symbol_id.to_string();
        let symbol = self.symbol.unwrap_or(&id);
        let to = self
            .to
            .as_ref()
            .map_or(String::new(), |to| format!(" to {to}"));
        let Self {
            feed,
            channel,
            from,
            reason,
            ..
        } = self;
        printable(&format!("{feed} {symbol} {channel} {from}{to} ({reason})"))
    }

    fn state(&self) -> String {
        match (&self.filled_at, &self.to, self.failure) {
            (Some(at), _, _) => format!("filled {at}"),
            (None, None, _) => "lasts".to_owned(),
            (None, Some(_), None) => "open".to_owned(),
            (None, Some(_), Some(failure)) => format!("open: {}", printable(failure)),
        }
    }
}

/// The names of the symbols of gaps.
pub(super) async fn names(repositories: &Repositories, gaps: &[FeedGap]) -> anyhow::Result<Names> {
    let ids: BTreeSet<_> = gaps.iter().map(|gap| gap.symbol_id).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let symbols = repositories.symbols.get_many(&ids).await?;
    let names = symbols.iter();
    Ok(names
        .map(|symbol| (symbol.symbol_id, full_name(symbol)))
        .collect())
}

/// The query for gaps of a symbol that begin from `from` to `to`.
pub(super) async fn query(
    repositories: &Repositories,
    reference: Option<&SymbolReference>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> anyhow::Result<FeedGapQuery> {
    let symbol_id = match reference {
        None => None,
        Some(it) => Some(symbol(&*repositories.symbols, it).await?.symbol_id),
    };
    let all = TimeRange::all();
    let range = TimeRange::new(from.unwrap_or(all.start()), to.unwrap_or(all.end()));
    let query = FeedGapQuery::default().symbol_id(symbol_id);
    let query = query.range(range.context("--from is after --to")?);
    Ok(query.limit(PageLimit::MAX))
}

pub(super) async fn run(arguments: &FeedGapsArguments) -> anyhow::Result<Outcome> {
    let (repositories, _pools) = connect(&settings()?).await?;
    let reference = arguments.symbol.as_ref();
    let query = query(&repositories, reference, arguments.from, arguments.to).await?;
    let mut query = query
        .channel(arguments.channel)
        .open(arguments.open.then_some(true))
        .filled(arguments.unfilled.then_some(false));
    query.feed.clone_from(&arguments.feed);
    let (mut listed, mut unfilled) = (0, 0);
    loop {
        let page = repositories.feeds.gaps(&query).await?;
        let names = names(&repositories, &page.items).await?;
        for gap in &page.items {
            let line = GapLine::of(gap, &names);
            match arguments.json {
                true => print_json(&line)?,
                false => print(&format!("{}: {}", line.text(), line.state()))?,
            }
            unfilled += usize::from(gap.filled_at.is_none());
        }
        listed += page.items.len();
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    if !arguments.json {
        print(&format!("listed {listed}, {unfilled} of them not filled"))?;
    }
    Ok(match unfilled {
        0 => Outcome::Complete,
        _ => Outcome::Incomplete,
    })
}
