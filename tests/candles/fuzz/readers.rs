//! Readers: compare each page with the model as soon as the model knows the possible results.

use std::sync::Arc;
use std::time::Duration;

use tickbook::RepositoryError;
use tickbook::domain::{Candle, CandleCursor, Page, PageLimit, TimeRange};
use tickbook::repository::CandleQuery;

use super::check::{Verdict, check};
use super::draw;
use super::report;
use super::site::{Counts, Site};
use super::view::{Call, View};

/// The longest time that a batch in progress may take to end.
const WAIT: Duration = Duration::from_secs(60);

/// The kind of a page whose candles are each right, but at different instants.
const TORN: &str = "candles are of several instants";

/// The largest number of pages of one listing to read.
const PAGES: u64 = 5;

pub(crate) async fn read(site: Arc<Site>, reader: usize) {
    let mut random = site.random(200 + reader as u64);
    while site.goes_on(false) {
        let mut query = draw::query(&mut random, &site.times);
        if random.below(10) == 0 {
            latest(&site, query).await;
            continue;
        }
        for _ in 0..=random.below(PAGES) {
            let next = listing(&site, query).await;
            if next.is_none() {
                break;
            }
            query.after = next;
        }
    }
}

async fn listing(site: &Site, query: CandleQuery) -> Option<CandleCursor> {
    let begin = (site.model.position(), suite::now());
    let answer = site.repositories.ohlc.candles(&query).await;
    let end = (site.model.position(), suite::now());
    let call = Call { query, begin, end };
    let next = answer.as_ref().ok().and_then(|page| page.next);
    compare(site, call, answer).await;
    next
}

/// Reads the newest candle, which must be the first page of one candle of the whole listing, newest
/// first.
async fn latest(site: &Site, query: CandleQuery) {
    let query = CandleQuery::new(
        query.symbol_id,
        query.timeframe,
        query.basis,
        TimeRange::all(),
    )
    .descending()
    .limit(PageLimit::new(1).expect("in range"));
    let ohlc = &site.repositories.ohlc;
    let begin = (site.model.position(), suite::now());
    let answer = ohlc
        .latest(query.symbol_id, query.timeframe, query.basis)
        .await;
    let end = (site.model.position(), suite::now());
    let page = answer.map(|candle| {
        let next = candle.as_ref().map(CandleCursor::of);
        Page::new(candle.into_iter().collect(), next)
    });
    compare(site, Call { query, begin, end }, page).await;
}

async fn compare(
    site: &Site,
    call: Call,
    answer: Result<Page<Candle, CandleCursor>, RepositoryError>,
) {
    let page = match answer {
        Ok(page) => page,
        Err(error) => {
            site.counts.op("read", true);
            site.counts.error("read", &error);
            // an error that may be retried is not a wrong result
            if !error.is_transient() {
                let text = format!("{error}\n{error:?}");
                report::difference(site, "errors that stay", &text, Some(call));
            }
            return;
        }
    };
    site.counts.op("read", false);
    let mut verdict = Verdict::Right;
    // the time that decides which candles are closed lies within the call
    for now in [call.begin.1, call.end.1] {
        let view = tokio::time::timeout(WAIT, View::of(&site.model, &call, now)).await;
        let Ok(Some(view)) = view else {
            Counts::add(&site.counts.unknown);
            return;
        };
        verdict = check(&call, &view, &page);
        if !matches!(verdict, Verdict::Wrong(..) | Verdict::Torn(_)) || !call.query.closed_only {
            break;
        }
    }
    match verdict {
        Verdict::Right => Counts::add(&site.counts.strict),
        Verdict::WithinBounds => Counts::add(&site.counts.weak),
        Verdict::Torn(text) => {
            Counts::add(&site.counts.strict);
            report::difference(site, TORN, &text, Some(call));
        }
        Verdict::Wrong(kind, text) => {
            Counts::add(&site.counts.strict);
            report::difference(site, kind, &text, Some(call));
        }
    }
}
