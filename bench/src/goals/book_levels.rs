//! Level changes of recorded sessions, applied to the book of the library and to maps of integers.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::book::{BookNumber, LevelChange, OrderBook};
use tickbook_feeds::binance::BinanceSpot;
use tickbook_feeds::coinbase::CoinbaseExchange;
use tickbook_feeds::kraken::KrakenV1;
use tickbook_feeds::okx::Okx;
use tickbook_feeds::session::{SessionLine, lines};
use tickbook_feeds::{BookChange, FeedEvent, Frame, Protocol, Request};

use crate::report::Report;
use crate::report::Target::AtMost;

use super::Bench;

/// The depth of the books of Kraken's session.
const KRAKEN_DEPTH: usize = 1_000;

/// Number of level changes of each contender in a round, at least.
const CHANGES: usize = 1_000_000;

/// The changes of a message.
#[derive(Clone)]
struct Update {
    bids: Vec<LevelChange>,
    asks: Vec<LevelChange>,
}

/// A snapshot of a symbol and the updates up to the next one.
struct Segment {
    snapshot: Update,
    updates: Vec<Update>,
    depth: usize,
}

/// The same changes as price and quantity in units of one precision.
struct Units {
    bids: Vec<(i64, i64)>,
    asks: Vec<(i64, i64)>,
}

/// A book of two maps; the quantity of each price.
#[derive(Default)]
struct Maps {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Bench {
    pub(crate) fn book_levels(&self, report: &mut Report) -> Result<()> {
        let Some(folder) = sessions() else {
            println!(
                "not measured, since TICKBOOK_VENUE_SESSIONS names no folder: level changes\n"
            );
            return Ok(());
        };
        for (venue, segments) in [
            ("Binance", binance(&folder)?),
            ("Kraken", kraken(&folder)?),
            ("Coinbase", coinbase(&folder)?),
            ("OKX", okx(&folder)?),
        ] {
            // copies, so that the changes of both contenders lie in memory in their order
            let segments: Vec<_> = segments.iter().map(Segment::copied).collect();
            let prepared: Vec<_> = segments.iter().map(prepared).collect::<Result<_>>()?;
            let of_session: usize = segments.iter().map(Segment::changes).sum();
            ensure!(of_session > 0, "the session of {venue} has no changes");
            let repeats = CHANGES.div_ceil(of_session);
            let mut ratios = Vec::new();
            for round in 0..self.rounds {
                let (mut ours, mut maps) = (0.0, 0.0);
                for repeat in 0..repeats {
                    for (segment, (book, model, units)) in segments.iter().zip(&prepared) {
                        for turn in 0..2 {
                            if (turn + repeat + round as usize).is_multiple_of(2) {
                                ours += apply(book.clone(), segment)?;
                            } else {
                                maps += apply_to_maps(model, units, segment.depth);
                            }
                        }
                    }
                }
                let nanos = |seconds: f64| seconds * 1e9 / (of_session * repeats) as f64;
                println!(
                    "{venue}: {:.1} ns a change, maps {:.1}",
                    nanos(ours),
                    nanos(maps)
                );
                ratios.push(ours / maps);
            }
            report.add(
                format!("level change of the session of {venue} / BTreeMap of i64"),
                AtMost(0.7),
                ratios,
            );
        }
        Ok(())
    }
}

impl Segment {
    fn copied(&self) -> Self {
        Self {
            snapshot: self.snapshot.clone(),
            updates: self.updates.clone(),
            depth: self.depth,
        }
    }

    fn changes(&self) -> usize {
        let updates = self.updates.iter();
        updates.map(|it| it.bids.len() + it.asks.len()).sum()
    }
}

/// The folder of `TICKBOOK_VENUE_SESSIONS`, otherwise that beside the project.
pub(super) fn sessions() -> Option<PathBuf> {
    let folder = match std::env::var_os("TICKBOOK_VENUE_SESSIONS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new("../shared/venue-sessions").to_owned(),
    };
    folder.is_dir().then_some(folder)
}

/// Replays a session, and returns the segments of all symbols.
fn replayed<P: Protocol>(
    mut protocol: P,
    path: &Path,
    depth: usize,
    mut fetch: impl FnMut(&mut P, &str, &mut dyn FnMut(FeedEvent<'_>)) -> Result<()>,
) -> Result<Vec<Segment>> {
    let mut segments: BTreeMap<String, Vec<Segment>> = BTreeMap::new();
    let mut fetches: VecDeque<String> = VecDeque::new();
    let mut note = |event: FeedEvent<'_>, fetches: &mut VecDeque<String>| {
        let update = |change: &BookChange<'_>| Update {
            bids: change.bids.to_vec(),
            asks: change.asks.to_vec(),
        };
        match event {
            FeedEvent::BookSnapshot(change) => {
                let of_symbol = segments.entry(change.symbol.to_owned()).or_default();
                of_symbol.push(Segment {
                    snapshot: update(&change),
                    updates: Vec::new(),
                    depth,
                });
            }
            FeedEvent::BookUpdate(change) => {
                let of_symbol = segments.entry(change.symbol.to_owned()).or_default();
                if let Some(last) = of_symbol.last_mut() {
                    last.updates.push(update(&change));
                }
            }
            FeedEvent::Request(Request::FetchSnapshot { symbol }) => {
                fetches.push_back(symbol.to_owned());
            }
            _ => {}
        }
    };
    for line in lines(path)? {
        match SessionLine::parse(&line?) {
            SessionLine::Opened { .. } => protocol.opened(),
            SessionLine::Received { at, text } => {
                let frame = Frame::new(text, at);
                protocol.receive(frame, &mut |event| note(event, &mut fetches))?;
                while let Some(symbol) = fetches.pop_front() {
                    fetch(&mut protocol, &symbol, &mut |event| {
                        note(event, &mut fetches)
                    })?;
                }
            }
            _ => {}
        }
    }
    Ok(segments.into_values().flatten().collect())
}

fn no_fetch<P>(_: &mut P, symbol: &str, _: &mut dyn FnMut(FeedEvent<'_>)) -> Result<()> {
    anyhow::bail!("fetch of {symbol}")
}

/// The symbols of a session, as its independent results list them.
pub(super) fn symbols(folder: &Path, venue: &str) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(folder.join(format!("expected/{venue}.json")))?;
    let expected: serde_json::Value = serde_json::from_str(&text)?;
    let symbols = expected["books"].as_object().context("a map of books")?;
    Ok(symbols.keys().cloned().collect())
}

fn kraken(folder: &Path) -> Result<Vec<Segment>> {
    let protocol = KrakenV1::new(symbols(folder, "kraken")?, KRAKEN_DEPTH);
    replayed(
        protocol,
        &folder.join("kraken/book.ws.gz"),
        KRAKEN_DEPTH,
        no_fetch,
    )
}

fn okx(folder: &Path) -> Result<Vec<Segment>> {
    let protocol = Okx::new(symbols(folder, "okx")?);
    replayed(
        protocol,
        &folder.join("okx/public.ws.gz"),
        usize::MAX,
        no_fetch,
    )
}

fn coinbase(folder: &Path) -> Result<Vec<Segment>> {
    let protocol = CoinbaseExchange::new(symbols(folder, "coinbase")?);
    let path = folder.join("coinbase/level2-ticker-matches.ws.gz");
    replayed(protocol, &path, usize::MAX, no_fetch)
}

fn binance(folder: &Path) -> Result<Vec<Segment>> {
    let mut answers: BTreeMap<String, VecDeque<(DateTime<Utc>, String)>> = BTreeMap::new();
    for line in lines(&folder.join("binance/depth.http.gz"))? {
        if let SessionLine::Answer { address, at, body } = SessionLine::parse(&line?) {
            let (_, rest) = address.split_once("symbol=").unwrap_or_default();
            let symbol = rest.split('&').next().unwrap_or_default();
            let of_symbol = answers.entry(symbol.to_owned()).or_default();
            of_symbol.push_back((at, body.to_owned()));
        }
    }
    let protocol = BinanceSpot::new(symbols(folder, "binance")?);
    let path = folder.join("binance/streams.ws.gz");
    replayed(protocol, &path, usize::MAX, |protocol, symbol, sink| {
        let answer = answers.get_mut(symbol).and_then(VecDeque::pop_front);
        if let Some((at, body)) = answer {
            protocol.snapshot(symbol, Frame::new(&body, at), sink)?;
        }
        Ok(())
    })
}

/// The book and the maps after the snapshot, and the updates in units. Checks that both have the same best prices
/// after the updates.
fn prepared(segment: &Segment) -> Result<(OrderBook, Maps, Vec<Units>)> {
    let all = || {
        let updates = segment.updates.iter().chain([&segment.snapshot]);
        updates.flat_map(|it| it.bids.iter().chain(&it.asks))
    };
    let price_decimals = all().map(|it| it.price.decimals()).max().unwrap_or(0);
    let quantity_decimals = all().map(|it| it.quantity.decimals()).max().unwrap_or(0);
    let units = |number: BookNumber, decimals: u8| {
        let units = number.units_at(decimals);
        units.with_context(|| format!("{number} does not fit"))
    };
    let of_side = |changes: &[LevelChange]| -> Result<Vec<(i64, i64)>> {
        let change = |it: &LevelChange| -> Result<(i64, i64)> {
            Ok((
                units(it.price, price_decimals)?,
                units(it.quantity, quantity_decimals)?,
            ))
        };
        changes.iter().map(change).collect()
    };
    let of_update = |update: &Update| -> Result<Units> {
        Ok(Units {
            bids: of_side(&update.bids)?,
            asks: of_side(&update.asks)?,
        })
    };
    let mut book = OrderBook::new().with_depth(segment.depth);
    book.load(&segment.snapshot.bids, &segment.snapshot.asks)?;
    let mut maps = Maps::default();
    maps.apply(&of_update(&segment.snapshot)?, segment.depth);
    let updates: Vec<_> = segment
        .updates
        .iter()
        .map(of_update)
        .collect::<Result<_>>()?;
    let (mut last, mut model) = (book.clone(), maps.clone_of());
    for (update, units) in segment.updates.iter().zip(&updates) {
        last.update(&update.bids, &update.asks)?;
        model.apply(units, segment.depth);
    }
    let view = last.view().context("a valid book")?;
    let ours = [view.best_bid(), view.best_ask()];
    let ours = ours.map(|best| best.map(|level| view.precision().price(level.price)));
    let maps_best = [model.bids.keys().next_back(), model.asks.keys().next()];
    let maps_best =
        maps_best.map(|best| best.map(|price| Decimal::new(*price, price_decimals.into())));
    ensure!(
        ours == maps_best,
        "the best prices differ: {ours:?} {maps_best:?}"
    );
    Ok((book, maps, updates))
}

/// The seconds of all updates of a segment.
fn apply(mut book: OrderBook, segment: &Segment) -> Result<f64> {
    let begun = Instant::now();
    for update in &segment.updates {
        let update = black_box(update);
        let applied = book.update(&update.bids, &update.asks);
        black_box(&applied);
        applied?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    black_box(&book);
    Ok(seconds)
}

fn apply_to_maps(maps: &Maps, updates: &[Units], depth: usize) -> f64 {
    let mut maps = maps.clone_of();
    let begun = Instant::now();
    for update in updates {
        maps.apply(black_box(update), depth);
    }
    let seconds = begun.elapsed().as_secs_f64();
    black_box(&maps);
    seconds
}

impl Maps {
    fn clone_of(&self) -> Self {
        Self {
            bids: self.bids.clone(),
            asks: self.asks.clone(),
        }
    }

    fn apply(&mut self, update: &Units, depth: usize) {
        for (map, changes) in [
            (&mut self.bids, &update.bids),
            (&mut self.asks, &update.asks),
        ] {
            for (price, quantity) in changes {
                match quantity {
                    0 => map.remove(price),
                    _ => map.insert(*price, *quantity),
                };
            }
        }
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
        let best = (self.bids.last_key_value(), self.asks.first_key_value());
        black_box(best);
    }
}
