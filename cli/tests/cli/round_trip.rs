//! Property test: exported data is identical after an import, on real databases.

use crate::support::Cli;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{
    Amount, Candle, CandleSource, NewSymbol, PriceBasis, SymbolId, Tick, Timeframe, TradeVolumes,
    earliest_time, latest_time,
};

/// A linear congruential generator; its seed is printed.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let given = std::env::var("SEED").ok();
        let seed = match given {
            Some(seed) => seed.parse().expect("a number"),
            None => suite::now().timestamp_micros() as u64,
        };
        println!("SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Up to 15 digits before and 12 after the decimal point.
    fn number(&mut self) -> Decimal {
        let digits = 10_u64.pow(self.below(10) as u32 + 1);
        let scale = self.below(13) as u32;
        Decimal::new(self.below(digits) as i64, scale)
    }

    fn price(&mut self) -> Decimal {
        let price = self.number();
        if self.below(9) == 0 { -price } else { price }
    }

    fn time(&mut self) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2014-05-01T00:00:00Z".parse().expect("a time");
        // some ticks share an instant
        start + TimeDelta::microseconds(self.below(400) as i64 * 7_300_001)
    }
}

async fn symbol(cli: &Cli) -> SymbolId {
    let symbols = cli.repositories().symbols;
    let symbol = symbols.create(NewSymbol::named("oanda", "A")).await;
    symbol.expect("created").symbol_id
}

fn export(cli: &Cli, what: &[&str]) -> String {
    let command = [&["export"], what, &["--symbol", "A"]].concat();
    cli.run(&command).expect_code(0).stdout
}

fn import(cli: &Cli, what: &str, files: &[&str]) -> crate::support::Run {
    let options = [
        "--format",
        "csv",
        "--symbol",
        "A",
        "--allow-future",
        "--json",
    ];
    cli.run(&[&["import", what], files, &options].concat())
}

fn random_ticks(random: &mut Random, symbol_id: SymbolId) -> Vec<Tick> {
    let edges = [earliest_time(), latest_time() - TimeDelta::microseconds(1)];
    let mut ticks: Vec<_> = (0..500)
        .map(|index| {
            let tick_time = match edges.get(index) {
                Some(edge) => *edge,
                None => random.time(),
            };
            let away = TimeDelta::microseconds(random.below(2_000_000) as i64 - 900_000);
            let both = Tick::quote(symbol_id, tick_time, random.price(), random.price())
                .with_sequence(match random.below(10) {
                    0 => i64::MAX - index as i64,
                    1 => (1 << 53) + index as i64,
                    2 => (1 << 31) - (index as i64 % 2),
                    _ => index as i64,
                })
                .with_volumes(random.number(), random.number())
                .with_received_at((index > 1 && random.below(3) > 0).then(|| tick_time + away));
            match random.below(10) {
                0 => both.with_bid(None),
                1 => both.with_ask(None),
                2 => both.with_ask_volume(None),
                3 => both.with_volumes(None, None),
                _ => both,
            }
        })
        .collect();
    ticks.sort_by_key(Tick::key);
    // two ticks may have the same time and sequence
    ticks.dedup_by_key(|tick| tick.key());
    ticks
}

#[tokio::test]
async fn ticks_come_back_to_the_last_byte() {
    let mut random = Random::seeded();
    let (one, other) = (Cli::migrated(), Cli::migrated());
    let ticks = random_ticks(&mut random, symbol(&one).await);
    symbol(&other).await;
    let receipt = one.repositories().ticks.insert_batch(&ticks).await;
    let count = ticks.len() as u64;
    assert!(count > 450, "{count}");
    assert_eq!(receipt.expect("stored").inserted, count);
    let exported = export(&one, &["ticks"]);
    assert!(exported.lines().filter(|line| !line.ends_with(',')).count() > 100);
    other.file("ticks.csv", &exported);
    let run = import(&other, "ticks", &["ticks.csv"]).expect_code(0);
    assert_eq!(run.json()["inserted"], count);
    let again = export(&other, &["ticks"]);
    for (one, other) in exported.lines().zip(again.lines()) {
        assert_eq!(one, other);
    }
    assert_eq!(exported.len(), again.len());
}

fn random_candle(random: &mut Random, symbol_id: SymbolId) -> Candle {
    let timeframe = Timeframe::ALL[random.below(7) as usize];
    // days without ticks, and some days with ticks
    let day = TimeDelta::days(random.below(6) as i64);
    let mut prices = [
        random.price(),
        random.price(),
        random.price(),
        random.price(),
    ];
    prices.sort_unstable();
    let sources = ["import", "lean", "a,b", "\"quoted\" ü", "downsampled"];
    let source = match (random.below(5) as usize, timeframe) {
        (4, Timeframe::M1) => "downsampled",
        (index, _) => sources[index % 4],
    };
    let day = match source {
        // at a time without ticks
        "downsampled" => day + TimeDelta::days(30),
        _ => day,
    };
    let basis = PriceBasis::ALL[random.below(4) as usize];
    let volume = random.number();
    let has_sums = basis == PriceBasis::Trade && random.below(3) > 0;
    let sums = has_sums.then(|| TradeVolumes::new(volume, Amount::from(prices[1])));
    Candle::new(
        symbol_id,
        timeframe,
        basis,
        timeframe.bucket_start(random.time() + day),
        [prices[1], prices[3], prices[0], prices[2]],
    )
    .volume(volume)
    .trade_volumes(sums)
    .tick_count(random.below(1_000) as i64)
    .source(CandleSource::Stored(source.to_owned()))
}

/// The exports of all timeframes and bases.
fn series(cli: &Cli) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for timeframe in Timeframe::ALL.iter().map(|it| it.as_str()) {
        for basis in PriceBasis::ALL.iter().map(|it| it.as_str()) {
            let what = ["candles", "--timeframe", timeframe, "--basis", basis];
            all.push((format!("{timeframe}_{basis}.csv"), export(cli, &what)));
        }
    }
    all
}

#[tokio::test]
async fn candles_come_back_to_the_last_byte() {
    let mut random = Random::seeded();
    let (one, other) = (Cli::migrated(), Cli::migrated());
    let symbol_id = symbol(&one).await;
    symbol(&other).await;
    let ticks: Vec<_> = (0..300)
        .map(|index| {
            Tick::quote(symbol_id, random.time(), random.price(), random.price())
                .with_sequence(index)
        })
        .collect();
    let from = one.repositories();
    from.ticks.insert_batch(&ticks).await.expect("stored");
    let candles: Vec<_> = (0..300)
        .map(|_| random_candle(&mut random, symbol_id))
        .collect();
    from.ohlc.upsert_candles(&candles).await.expect("stored");

    let exported = series(&one);
    for source in [
        ",ticks\n",
        ",rolled_up\n",
        ",downsampled\n",
        ",import\n",
        ",\"a,b\"\n",
    ] {
        let has = |(_, text): &(String, String)| text.contains(source);
        assert!(exported.iter().any(has), "{source}");
    }
    other.file("ticks.csv", export(&one, &["ticks"]));
    import(&other, "ticks", &["ticks.csv"]).expect_code(0);
    let mut names = Vec::new();
    for (name, text) in &exported {
        other.file(name, text);
        names.push(name.as_str());
    }
    import(&other, "candles", &names).expect_code(0);
    let again = series(&other);
    for ((name, one), (_, other)) in exported.iter().zip(&again) {
        for (one, other) in one.lines().zip(other.lines()) {
            assert_eq!(one, other, "{name}");
        }
        assert_eq!(one.len(), other.len(), "{name}");
    }
}
