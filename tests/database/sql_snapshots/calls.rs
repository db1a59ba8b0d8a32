//! One or several calls of each repository method.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::domain::{
    CorrectedTrade, Exchange, ExchangeFacts, ListedSymbol, NewSymbol, PageLimit, PriceBasis,
    ReferenceData, StatedSymbol, SymbolChange, SymbolFacts, SymbolId, SymbolList, SymbolReference,
    TickCursor, TimeRange, Timeframe, Trade, TradeCorrection, TradeCursor, TradeReference,
    parse_sessions,
};
use tickbook::repository::{
    CandleQuery, CorrectionQuery, ExchangeQuery, FeedSymbol, InstrumentRepository as _,
    OhlcRepository as _, QuarantineQuery, QuarantineRepository as _, Resolution, SymbolQuery,
    SymbolRepository as _, TickQuery, TickRepository as _, TradeQuery, TradeRepository as _,
};

use super::Recording;
use super::data::{
    DELETED, QUOTED, Site, WRITTEN, candles as stored_candles, day, held_back, quote, quotes,
    range, trades as trades_of,
};

fn limit(limit: u32) -> PageLimit {
    PageLimit::new(limit).expect("a valid limit")
}

fn described(description: &str) -> SymbolFacts {
    let mut facts = SymbolFacts::default();
    facts.description = Some(description.to_owned());
    facts
}

pub(super) async fn symbols(site: &Site, recording: &mut Recording) {
    let symbols = &site.symbols;
    let known = SymbolId::new(100);
    symbols.get(known).await.expect("read");
    recording.add("symbols.get", "by id");
    symbols.get_many(&[known, QUOTED]).await.expect("read");
    recording.add("symbols.get_many", "two ids");
    let name = "oanda:symbol100".parse().expect("a name");
    symbols.get_by_name(&name).await.expect("read");
    recording.add("symbols.get_by_name", "on an exchange");
    let name = "SYMBOL100".parse().expect("a name");
    symbols.get_by_name(&name).await.expect("read");
    recording.add("symbols.get_by_name", "on any exchange");
    let query = SymbolQuery::default().limit(limit(50));
    symbols
        .list(&query.clone().after(known))
        .await
        .expect("read");
    recording.add("symbols.list", "after an id");
    let query = query.exchange("oanda").active(true);
    symbols.list(&query).await.expect("read");
    recording.add("symbols.list", "active ones of an exchange");

    symbols
        .create(NewSymbol::named("oanda", "NEW1"))
        .await
        .expect("created");
    recording.add("symbols.create", "without an id");
    let given = NewSymbol::named("bitfinex", "NEW2").symbol_id(SymbolId::new(5_000));
    symbols.create(given).await.expect("created");
    recording.add("symbols.create", "with an id, on a new exchange");
    let batch = [
        NewSymbol::named("oanda", "NEW3"),
        NewSymbol::named("oanda", "SYMBOL100"),
    ];
    symbols.upsert_batch(&batch).await.expect("stored");
    recording.add("symbols.upsert_batch", "a new and a known symbol");
    let stated = ["NEW4", "SYMBOL100"].map(|name| {
        let mut stated = StatedSymbol::named("oanda", name);
        stated.facts = described("a description");
        stated
    });
    symbols.merge_batch(&stated, false).await.expect("stored");
    recording.add("symbols.merge_batch", "a new and a known symbol");
    symbols
        .describe(known, &described("another"))
        .await
        .expect("stored");
    recording.add("symbols.describe", "a description");
    let name = "kraken:RENAMED".parse().expect("a name");
    symbols.rename(known, &name).await.expect("stored");
    recording.add("symbols.rename", "to another exchange");
    let name = "kraken:AMENDED".parse::<SymbolReference>().expect("a name");
    let change = SymbolChange::default()
        .name(name)
        .facts(described("a third"));
    symbols.amend(known, &change).await.expect("stored");
    recording.add("symbols.amend", "a name and a description");
    symbols.deactivate(known).await.expect("stored");
    recording.add("symbols.deactivate", "an active symbol");

    let mapping = FeedSymbol::new("ctrader", "55", known);
    symbols.map_feed_symbols(&[mapping]).await.expect("stored");
    recording.add("symbols.map_feed_symbols", "one identifier");
    let mapping = FeedSymbol::new("ctrader", "56", known);
    symbols.add_feed_symbol(&mapping).await.expect("stored");
    recording.add("symbols.add_feed_symbol", "a new identifier");
    symbols.remove_feed_symbol(&mapping).await.expect("removed");
    recording.add("symbols.remove_feed_symbol", "a known identifier");
    symbols.feed_symbols(known).await.expect("read");
    recording.add("symbols.feed_symbols", "one identifier");
    symbols
        .get_by_feed_key("ctrader", "55")
        .await
        .expect("read");
    recording.add("symbols.get_by_feed_key", "a known identifier");
    symbols
        .unmap_feed_symbol("ctrader", "55")
        .await
        .expect("stored");
    recording.add("symbols.unmap_feed_symbol", "a known identifier");
}

pub(super) async fn instruments(site: &Site, recording: &mut Recording) {
    let symbols = &site.symbols;
    let known = SymbolId::new(100);
    let names = ["L1", "L2", "L3"].map(|name| ListedSymbol::new(name, name));
    let list = SymbolList::of("lmax", names.to_vec());
    symbols.sync(&list).await.expect("stored");
    recording.add("instruments.sync", "three new symbols");
    symbols.sync(&list).await.expect("stored");
    recording.add("instruments.sync", "no change");
    let mut swapped = list.clone();
    swapped.symbols[0].name = "L2".to_owned();
    swapped.symbols[1].name = "L1".to_owned();
    swapped.symbols[2].key = "9".to_owned();
    symbols.sync(&swapped).await.expect("stored");
    recording.add("instruments.sync", "two swapped names and another key");
    symbols.instrument_as_of(known, day(1)).await.expect("read");
    recording.add("instruments.instrument_as_of", "an instant");
    symbols.instrument_versions(known).await.expect("read");
    recording.add("instruments.instrument_versions", "a symbol");
}

pub(super) async fn exchanges(site: &Site, recording: &mut Recording) {
    let symbols = &site.symbols;
    symbols
        .create_exchange(&Exchange::named("lmax"))
        .await
        .expect("created");
    recording.add("symbols.create_exchange", "a new exchange");
    let facts = ExchangeFacts::default().description("a broker");
    symbols
        .describe_exchange("LMAX", &facts)
        .await
        .expect("stored");
    recording.add("symbols.describe_exchange", "a description");
    let sessions = parse_sessions("mon-fri 09:15-15:30").expect("sessions");
    let facts = ExchangeFacts::default()
        .time_zone("Asia/Kolkata")
        .sessions(sessions);
    symbols
        .describe_exchange("lmax", &facts)
        .await
        .expect("stored");
    recording.add("symbols.describe_exchange", "sessions");
    let zone = Exchange::named("LMAX").code("XLOM");
    let other = StatedSymbol::named("lmax", "NEW5");
    symbols
        .merge_reference_data(&ReferenceData::new(vec![zone], vec![other]))
        .await
        .expect("stored");
    recording.add(
        "symbols.merge_reference_data",
        "a known exchange and a new symbol",
    );
    symbols.get_exchange("LMAX").await.expect("read");
    recording.add("symbols.get_exchange", "in another case");
    let query = ExchangeQuery::default().after("kraken".to_owned());
    symbols.list_exchanges(&query).await.expect("read");
    recording.add("symbols.list_exchanges", "after a name");
}

pub(super) async fn ticks(site: &Site, recording: &mut Recording) {
    let ticks = &site.ticks;
    let second_day = range(day(1), day(2));
    let query = TickQuery::new(QUOTED, second_day).limit(limit(100));
    ticks.range(&query).await.expect("read");
    recording.add("ticks.range", "oldest first");
    let newest = TickQuery::new(QUOTED, range(day(0), day(3))).descending();
    let mut cursor = TickCursor {
        tick_time: day(2),
        sequence: 0,
    };
    cursor.tick_time += TimeDelta::seconds(5);
    ticks
        .range(&newest.limit(limit(100)).after(cursor))
        .await
        .expect("read");
    recording.add("ticks.range", "newest first, after a tick");
    ticks.latest(QUOTED).await.expect("read");
    recording.add("ticks.latest", "of a symbol with ticks");
    ticks
        .latest_of(&[QUOTED, DELETED, WRITTEN])
        .await
        .expect("read");
    recording.add("ticks.latest_of", "three symbols, one without ticks");
    ticks.as_of(QUOTED, day(1)).await.expect("read");
    recording.add("ticks.as_of", "a time between ticks");
    ticks.count(QUOTED, second_day).await.expect("read");
    recording.add("ticks.count", "of a day");
    ticks.deletable(DELETED, second_day).await.expect("read");
    recording.add("ticks.deletable", "a day");

    ticks
        .insert_batch(&quotes(WRITTEN, 0, 60))
        .await
        .expect("stored");
    recording.add("ticks.insert_batch", "60 new ticks");
    ticks
        .insert_batch(&quotes(WRITTEN, 1, 10))
        .await
        .expect("stored");
    recording.add("ticks.insert_batch", "10 new ticks");
    ticks
        .insert_batch(&quotes(WRITTEN, 1, 10))
        .await
        .expect("stored");
    recording.add("ticks.insert_batch", "10 stored ticks");
    let mut unsequenced = quote(WRITTEN, day(2), 5);
    unsequenced.occurrence = Some(1);
    ticks.insert_batch(&[unsequenced]).await.expect("stored");
    recording.add("ticks.insert_batch", "an unsequenced tick");
    ticks
        .delete_range(DELETED, second_day)
        .await
        .expect("deleted");
    recording.add("ticks.delete_range", "a day");
}

pub(super) async fn trades(site: &Site, recording: &mut Recording) {
    let trades = &site.trades;
    let second_day = range(day(1), day(2));
    let query = TradeQuery::new(QUOTED, second_day).limit(limit(100));
    trades.range(&query).await.expect("read");
    recording.add("trades.range", "oldest first");
    let newest = TradeQuery::new(QUOTED, range(day(0), day(3))).descending();
    let cursor = TradeCursor {
        trade_time: day(2) + TimeDelta::seconds(5),
        sequence: 0,
    };
    let newest = newest.limit(limit(100)).after(cursor);
    trades.range(&newest).await.expect("read");
    recording.add("trades.range", "newest first, after a trade");
    trades.latest(QUOTED).await.expect("read");
    recording.add("trades.latest", "of a symbol with trades");
    let three = [QUOTED, DELETED, WRITTEN];
    trades.latest_of(&three).await.expect("read");
    recording.add("trades.latest_of", "three symbols, one without trades");
    trades.as_of(QUOTED, day(1)).await.expect("read");
    recording.add("trades.as_of", "midnight");
    trades.count(QUOTED, second_day).await.expect("read");
    recording.add("trades.count", "a day");
    trades.deletable(DELETED, second_day).await.expect("read");
    recording.add("trades.deletable", "a day");

    let new = trades_of(WRITTEN, 2, 200);
    for (batch, call) in [
        (&new[..1], "a new trade"),
        (&new[1..21], "20 new trades"),
        (&new[21..], "179 new trades"),
        (&new[..60], "60 stored trades"),
    ] {
        trades.insert_batch(batch).await.expect("stored");
        recording.add("trades.insert_batch", call);
    }
    let unsequenced = new[0].clone().with_occurrence(1);
    trades.insert_batch(&[unsequenced]).await.expect("stored");
    recording.add("trades.insert_batch", "an unsequenced trade");
    let by = |trade: &Trade| {
        let trade_time = trade.trade_time;
        let at = trade_time + TimeDelta::minutes(1);
        let sequence = TradeReference::Sequence(trade.sequence);
        TradeCorrection::new(WRITTEN, trade_time, sequence, at, "venue")
    };
    let content = CorrectedTrade::new(Decimal::TWO, Decimal::ONE);
    let corrections = [by(&new[1]).with_content(content), by(&new[2])];
    trades.correct(&corrections).await.expect("recorded");
    recording.add("trades.correct", "a correction and a cancellation");
    let all = CorrectionQuery::new(WRITTEN, TimeRange::all());
    trades.corrections(&all).await.expect("read");
    recording.add("trades.corrections", "of a symbol");
    trades.insert_batch(&new[1..3]).await.expect("stored");
    recording.add("trades.insert_batch", "a corrected and a cancelled trade");
    trades
        .delete_range(DELETED, second_day)
        .await
        .expect("deleted");
    recording.add("trades.delete_range", "a day");
}

pub(super) async fn candles(site: &Site, recording: &mut Recording) {
    let ohlc = &site.ohlc;
    let of_ticks = range(day(1), day(1) + TimeDelta::minutes(30));
    let query = |timeframe, range| CandleQuery::new(QUOTED, timeframe, PriceBasis::Mid, range);
    ohlc.candles(&query(Timeframe::M1, of_ticks))
        .await
        .expect("read");
    recording.add("ohlc.candles", "of ticks");
    let stored = range(day(-1), day(0));
    let newest = CandleQuery::new(QUOTED, Timeframe::M5, PriceBasis::Bid, stored).descending();
    ohlc.candles(&newest).await.expect("read");
    recording.add("ohlc.candles", "of stored one-minute candles, newest first");
    let three_minutes = Timeframe::M1.times(3).expect("a timeframe");
    ohlc.candles(&query(three_minutes, of_ticks))
        .await
        .expect("read");
    recording.add(
        "ohlc.candles",
        "of three minutes, folded from one-minute candles",
    );
    ohlc.candles(&query(Timeframe::S10, of_ticks))
        .await
        .expect("read");
    recording.add("ohlc.candles", "of ten seconds, of ticks");
    let of_trades = CandleQuery::new(QUOTED, Timeframe::M5, PriceBasis::Trade, of_ticks);
    ohlc.candles(&of_trades).await.expect("read");
    recording.add("ohlc.candles", "of trades");
    ohlc.latest(QUOTED, Timeframe::H1, PriceBasis::Bid)
        .await
        .expect("read");
    recording.add("ohlc.latest", "of a symbol with ticks");
    ohlc.deletable(DELETED, Some(Timeframe::M1), stored)
        .await
        .expect("read");
    recording.add("ohlc.deletable", "one-minute candles of a day");

    let new = stored_candles(WRITTEN, 3);
    ohlc.upsert_candles(&new).await.expect("stored");
    recording.add("ohlc.upsert_candles", "three candles");
    ohlc.restore_candles(&stored_candles(WRITTEN, 5))
        .await
        .expect("stored");
    recording.add(
        "ohlc.restore_candles",
        "two new candles and three stored ones",
    );
    let deleted = ohlc.delete_range(DELETED, Some(Timeframe::M1), stored);
    deleted.await.expect("deleted");
    recording.add("ohlc.delete_range", "one-minute candles of a day");
}

pub(super) async fn quarantine(site: &Site, recording: &mut Recording) {
    let quarantine = &site.quarantine;
    let query = QuarantineQuery::default().limit(limit(10));
    let page = quarantine.list(&query).await.expect("read");
    recording.add("quarantine.list", "pending ticks");
    let query = query.symbol_id(QUOTED).after(page.next);
    quarantine.list(&query).await.expect("read");
    recording.add("quarantine.list", "pending ticks of a symbol, after an id");
    let ids: Vec<_> = page.items.iter().take(2).map(|entry| entry.id).collect();
    quarantine.get(&ids).await.expect("read");
    recording.add("quarantine.get", "two ids");
    quarantine
        .put(&held_back(WRITTEN, 3))
        .await
        .expect("stored");
    recording.add("quarantine.put", "three new ticks");
    quarantine
        .put(&held_back(WRITTEN, 3))
        .await
        .expect("stored");
    recording.add("quarantine.put", "three stored ticks");
    let resolved = quarantine.resolve(&ids, Resolution::Discarded);
    resolved.await.expect("stored");
    recording.add("quarantine.resolve", "two ids");
}
