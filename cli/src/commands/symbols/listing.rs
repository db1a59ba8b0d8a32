//! `tickbook symbols list` and `tickbook symbols show`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tickbook::Repositories;
use tickbook::config::Config;
use tickbook::domain::{Exchange, PageLimit, Symbol, TimeRange, printable};
use tickbook::repository::{FeedSymbol, SymbolQuery, SymbolRepository, TickQuery};

use super::existing;
use crate::Outcome;
use crate::args::{ListSymbolsArguments, ShowSymbolArguments};
use crate::opening::connect;
use crate::report::{print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 7] = [
    "ID",
    "EXCHANGE",
    "NAME",
    "TYPE",
    "DIGITS",
    "ACTIVE",
    "DESCRIPTION",
];

pub(super) async fn list(
    symbols: &dyn SymbolRepository,
    arguments: &ListSymbolsArguments,
) -> anyhow::Result<()> {
    let active = match (arguments.active, arguments.inactive) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let mut query = SymbolQuery::default().limit(PageLimit::MAX);
    query.exchange.clone_from(&arguments.exchange);
    query.active = active;
    let pattern = arguments.name.as_deref().map(folded);
    let mut rows = Vec::new();
    loop {
        let page = symbols.list(&query).await?;
        for symbol in &page.items {
            let is_wanted = match &pattern {
                Some(pattern) => fits(pattern, &folded(&symbol.name)),
                None => true,
            };
            if !is_wanted {
                continue;
            }
            match arguments.json {
                true => print_json(symbol)?,
                false => rows.push(row(symbol)),
            }
        }
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    if arguments.json {
        return Ok(());
    }
    if rows.is_empty() {
        eprintln!("no symbol matches");
        return Ok(());
    }
    print(&table(HEADER, &rows))
}

fn row(symbol: &Symbol) -> [String; HEADER.len()] {
    let kind = symbol.instrument.as_ref();
    [
        symbol.symbol_id.to_string(),
        symbol.exchange.clone(),
        symbol.name.clone(),
        kind.map_or(String::new(), |it| it.instrument_type.to_string()),
        symbol.digits.to_string(),
        if symbol.active { "yes" } else { "no" }.to_owned(),
        symbol.description.clone(),
    ]
}

/// Folds the case of a text for matching.
fn folded(text: &str) -> Vec<char> {
    text.to_lowercase().chars().collect()
}

/// Whether `pattern` matches the whole of `name`. Takes time proportional to the product of both lengths at
/// most.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut of_name) = (0, 0);
    // where to resume if the text after the last star does not match
    let mut star: Option<(usize, usize)> = None;
    while of_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, of_name));
                at += 1;
            }
            Some(it) if *it == '?' || *it == name[of_name] => {
                at += 1;
                of_name += 1;
            }
            _ => {
                let Some((behind, taken)) = star else {
                    return false;
                };
                star = Some((behind, taken + 1));
                (at, of_name) = (behind + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|it| *it == '*')
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    symbol: Symbol,
    exchange_details: Option<Exchange>,
    aliases: Vec<Alias>,
    ticks: Ticks,
}

#[derive(Debug, Serialize)]
struct Alias {
    feed: String,
    feed_key: String,
}

#[derive(Debug, Serialize)]
struct Ticks {
    first: Option<String>,
    last: Option<String>,
    /// Present if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

pub(super) async fn show(
    config: &Config,
    arguments: &ShowSymbolArguments,
) -> anyhow::Result<Outcome> {
    let (repositories, _pools) = connect(config).await?;
    let symbols = &*repositories.symbols;
    let symbol = existing(symbols, &arguments.which.symbol).await?;
    let aliases = symbols.feed_symbols(symbol.symbol_id).await?;
    let exchange = symbols.get_exchange(&symbol.exchange).await?;
    let ticks = ticks(&repositories, &symbol, arguments.count).await?;
    if arguments.which.json {
        let alias = |it: FeedSymbol| Alias {
            feed: it.feed,
            feed_key: it.feed_key,
        };
        print_json(&Shown {
            symbol,
            exchange_details: exchange,
            aliases: aliases.into_iter().map(alias).collect(),
            ticks,
        })?;
    } else {
        print(&text(&symbol, exchange.as_ref(), &aliases, &ticks))?;
    }
    Ok(Outcome::Complete)
}

async fn ticks(
    repositories: &Repositories,
    symbol: &Symbol,
    is_counted: bool,
) -> anyhow::Result<Ticks> {
    let (id, all) = (symbol.symbol_id, TimeRange::all());
    let first = TickQuery::new(id, all).limit(PageLimit::try_from(1)?);
    let first = repositories.ticks.range(&first).await?.items.pop();
    let last = repositories.ticks.latest(id).await?;
    let count = match is_counted {
        true => Some(repositories.ticks.count(id, all).await?),
        false => None,
    };
    let text = |time: DateTime<Utc>| time_text(time);
    Ok(Ticks {
        first: first.map(|tick| text(tick.tick_time)),
        last: last.map(|tick| text(tick.tick_time)),
        count,
    })
}

fn text(
    symbol: &Symbol,
    exchange: Option<&Exchange>,
    aliases: &[FeedSymbol],
    ticks: &Ticks,
) -> String {
    let mut rows = vec![
        ("id", symbol.symbol_id.to_string()),
        ("exchange", symbol.exchange.clone()),
        ("name", symbol.name.clone()),
        ("description", symbol.description.clone()),
        ("digits", symbol.digits.to_string()),
        (
            "active",
            if symbol.active { "yes" } else { "no" }.to_owned(),
        ),
    ];
    if let Some(exchange) = exchange {
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        rows.extend([
            ("exchange is", exchange.description.clone()),
            ("exchange code", known(&exchange.code)),
            ("time zone", known(&exchange.time_zone)),
        ]);
    }
    match &symbol.instrument {
        None => rows.push(("instrument", "unknown".to_owned())),
        Some(instrument) => rows.extend([
            ("type", instrument.instrument_type.to_string()),
            (
                "base currency",
                instrument.base_currency.clone().unwrap_or_default(),
            ),
            ("quote currency", instrument.quote_currency.clone()),
            ("tick size", instrument.tick_size.to_string()),
            ("lot size", instrument.lot_size.to_string()),
            (
                "contract multiplier",
                instrument.contract_multiplier.to_string(),
            ),
            (
                "expiry",
                instrument.expiry.map_or(String::new(), |it| it.to_string()),
            ),
            (
                "strike",
                instrument.strike.map_or(String::new(), |it| it.to_string()),
            ),
        ]),
    }
    let called = aliases
        .iter()
        .map(|it| format!("{}:{}", it.feed, it.feed_key));
    rows.extend(called.map(|alias| ("alias", alias)));
    match (&ticks.first, &ticks.last) {
        (Some(first), Some(last)) => {
            rows.push(("first tick", first.clone()));
            rows.push(("last tick", last.clone()));
        }
        _ => rows.push(("ticks", "none".to_owned())),
    }
    if let Some(count) = ticks.count.filter(|count| *count > 0) {
        rows.push(("ticks", count.to_string()));
    }
    let rows = rows.into_iter().filter(|(_, text)| !text.is_empty());
    let lines = rows.map(|(name, text)| format!("{name:<19}  {}", printable(&text)));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use tickbook::domain::{Instrument, InstrumentType, NewSymbol};

    use super::*;

    #[tokio::test]
    async fn text_has_every_known_value() {
        let future = Instrument::new(
            InstrumentType::Future,
            "USD",
            "0.25".parse().expect("a number"),
            1.into(),
        );
        let instrument = future
            .contract_multiplier(50.into())
            .expiry(NaiveDate::from_ymd_opt(2024, 12, 20).expect("a date"));
        let new = NewSymbol::named("cme", "ESZ4").instrument(instrument);
        let repositories = Repositories::in_memory();
        let symbol = repositories.symbols.create(new).await.expect("created");
        let mut ticks = Ticks {
            first: Some("2024-10-01T00:00:00Z".to_owned()),
            last: Some("2024-10-02T00:00:00Z".to_owned()),
            count: Some(7),
        };
        let lines = |ticks: &Ticks| -> Vec<String> {
            let text = text(&symbol, None, &[], ticks);
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            text.lines().map(words).collect()
        };
        let mut expected = [
            "id 1",
            "exchange cme",
            "name ESZ4",
            "digits 5",
            "active yes",
            "type future",
            "quote currency USD",
            "tick size 0.25",
            "lot size 1",
            "contract multiplier 50",
            "expiry 2024-12-20",
            "first tick 2024-10-01T00:00:00Z",
            "last tick 2024-10-02T00:00:00Z",
            "ticks 7",
        ]
        .to_vec();
        assert_eq!(lines(&ticks), expected);
        ticks.count = None;
        expected.pop();
        assert_eq!(lines(&ticks), expected);
    }

    #[test]
    fn pattern_is_compared_with_the_whole_name() {
        for (pattern, name, expected) in [
            ("eur*", "EURUSD", true),
            ("eur", "EURUSD", false),
            ("*usd", "EURUSD", true),
            ("*u*d*", "EURUSD", true),
            ("EUR?SD", "EURUSD", true),
            ("EUR?", "EURUSD", false),
            ("*", "", true),
            ("", "", true),
            ("?", "", false),
            ("*a*a*b", "aaaaaaaaab", true),
            ("*a*a*c", "aaaaaaaaab", false),
            ("é*", "Éa", true),
        ] {
            assert_eq!(
                fits(&folded(pattern), &folded(name)),
                expected,
                "{pattern} {name}"
            );
        }
        let (pattern, name) = ("*a".repeat(2_000), "a".repeat(1_999));
        assert!(!fits(&folded(&pattern), &folded(&name)));
    }
}
