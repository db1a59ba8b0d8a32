//! Figures that other programs document for the same numbers.

use chrono::{DateTime, TimeDelta, Utc};
use tickbook_ledger::chrono;
use tickbook_ledger::domain::performance::{
    Definition, ReturnSeries, RoundTripGrouping, RoundTripMatching, TradeFill, TradeStatistics,
    Undefined, calendar_growth, drawdowns, max_drawdown, round_trips,
};
use tickbook_ledger::domain::{Amount, Contract, Currency, Fee};

use crate::samples::{dec, order_id, seconds};

/// The twelve returns of which four programs give four Sharpe ratios.
fn twelve() -> ReturnSeries {
    let values = [
        0.01, -0.02, 0.03, -0.01, 0.02, 0.0, -0.015, 0.005, 0.012, -0.03, 0.025, 0.0,
    ];
    ReturnSeries::new(values.to_vec())
}

#[track_caller]
fn assert_near(series: &ReturnSeries, definition: Definition, expected: f64) {
    let found = series.measure(definition).expect("a number");
    let difference = (found - expected).abs();
    assert!(
        difference <= expected.abs() * 1e-12,
        "{definition}: {found}, not {expected}"
    );
}

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

fn days(values: &[&str]) -> Vec<(DateTime<Utc>, Amount)> {
    let days = values.iter().zip(0..);
    days.map(|(value, day)| (seconds(day * 86_400), amount(value)))
        .collect()
}

#[test]
fn twelve_returns_have_the_figures_of_each_program() {
    let series = twelve();
    assert_near(&series, Definition::SharpeSample252, 1.932_352_253_728_219);
    assert_near(
        &series,
        Definition::SharpeSample365,
        2.325_586_297_349_955_3,
    );
    assert_near(
        &series,
        Definition::SharpePopulation252,
        2.018_276_104_858_309_3,
    );
    assert_near(&series, Definition::SharpeCompound252, 2.596_398_754_58);
    assert_near(&series, Definition::SortinoAll252, 3.069_352_224_317_548);
    assert_near(&series, Definition::SortinoLosses252, 4.182_822_013_904_011);
    assert_near(&series, Definition::Var95Linear, -0.0245);
    assert_near(
        &series,
        Definition::Var95Gaussian,
        -0.028_153_511_588_980_64,
    );
    assert_near(&series, Definition::WinRateDecided, 0.6);
    assert_near(&series, Definition::WinRateAll, 0.5);
}

#[test]
fn equal_returns_have_no_sharpe_ratio() {
    let constant = ReturnSeries::new(vec![0.01; 20]);
    let noise = ReturnSeries::new(vec![0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3]);
    for series in [&constant, &noise] {
        for definition in [
            Definition::SharpeSample252,
            Definition::SharpePopulation252,
            Definition::SharpeCompound252,
        ] {
            assert_eq!(series.measure(definition), Err(Undefined::ZeroVariance));
        }
    }
    let one = ReturnSeries::new(vec![0.01]);
    assert_eq!(
        one.measure(Definition::SharpeSample252),
        Err(Undefined::TooFewReturns)
    );
}

#[test]
fn ruin_leaves_amounts_but_no_growth() {
    let series = ReturnSeries::new(vec![0.1, -1.2, 0.5, 0.1]).with_days(4.0);
    assert_near(&series, Definition::TotalReturn, -1.363);
    assert_near(&series, Definition::MaxDrawdown, -1.33);
    for definition in [
        Definition::CagrCompound252,
        Definition::CagrCalendar365,
        Definition::CalmarCompound252,
        Definition::ExpectedReturnGeometric,
    ] {
        assert_eq!(
            series.measure(definition),
            Err(Undefined::Ruined),
            "{definition}"
        );
    }
}

#[test]
fn returns_without_losses_have_no_profit_factor() {
    let series = ReturnSeries::new(vec![0.01, 0.0, 0.02]).with_days(2.0);
    let reason = |definition| series.measure(definition).expect_err("no number");
    assert_eq!(reason(Definition::ProfitFactor), Undefined::NoLosses);
    assert_eq!(reason(Definition::PayoffRatio), Undefined::NoLosses);
    assert_eq!(reason(Definition::SortinoAll252), Undefined::NoLosses);
    assert_eq!(reason(Definition::SortinoLosses252), Undefined::NoLosses);
    assert_eq!(reason(Definition::CalmarCompound252), Undefined::NoDrawdown);
    let huge = ReturnSeries::new(vec![f64::MAX, f64::MAX]);
    assert_eq!(
        huge.measure(Definition::TotalReturn),
        Err(Undefined::OutOfRange)
    );
}

#[test]
fn loss_of_the_first_period_is_a_drawdown() {
    let found = max_drawdown(&[-0.1, 0.05]).expect("a drawdown");
    assert!((found.depth + 0.1).abs() < 1e-15);
    assert_eq!((found.peak, found.trough, found.recovery), (None, 0, None));
    assert_eq!(max_drawdown(&[0.1, 0.0]), None);
}

#[test]
fn largest_drawdowns_in_money_and_per_cent_differ() {
    let found = drawdowns(&days(&["1000", "500", "1000", "11000", "10000"])).expect("in range");
    let by_amount = found.by_amount.expect("a drawdown");
    assert_eq!(by_amount.amount, amount("1000"));
    assert_eq!(
        by_amount.ratio.map(|it| format!("{it:.4}")).as_deref(),
        Some("0.0909")
    );
    let by_ratio = found.by_ratio.expect("a drawdown");
    assert_eq!(
        (by_ratio.amount, by_ratio.ratio),
        (amount("500"), Some(0.5))
    );
    assert_eq!(by_ratio.recovery_time(), Some(TimeDelta::days(2)));
    assert_eq!(
        (by_amount.recovered_at, by_amount.trough_at),
        (None, seconds(4 * 86_400))
    );
}

#[test]
fn recovery_time_runs_from_the_high_to_the_next() {
    let recovery = |values: &[&str]| {
        let found = drawdowns(&days(values)).expect("in range");
        found.by_ratio.expect("a drawdown").recovery_time()
    };
    assert_eq!(
        recovery(&["100", "90", "95", "100"]),
        Some(TimeDelta::days(3))
    );
    assert_eq!(recovery(&["100", "90", "80", "70"]), None);
    // without a high above zero there is no ratio
    let found = drawdowns(&days(&["0", "-5"])).expect("in range");
    assert_eq!(found.by_amount.map(|it| it.amount), Some(amount("5")));
    assert_eq!(found.by_ratio, None);
    assert_eq!(
        drawdowns(&[]).expect("nothing"),
        drawdowns(&days(&["1", "2"])).expect("rises")
    );
}

#[test]
fn calendar_growth_equals_that_of_freqtrade() {
    let rounded =
        |growth: f64, days| format!("{:.4}", calendar_growth(growth, days).expect("grows"));
    assert_eq!(rounded(176_000.0 / 64_900.0, 1_095.0), "0.3945");
    assert_eq!(rounded(1_500.0 / 1_000.0, 100.0), "3.3927");
    assert_eq!(calendar_growth(1.5, 0.0), Err(Undefined::NoSpan));
    assert_eq!(calendar_growth(0.0, 1.0), Err(Undefined::Ruined));
    let unknown = twelve().measure(Definition::CagrCalendar365);
    assert_eq!(unknown, Err(Undefined::NoSpan));
}

#[test]
fn expectancy_equals_that_of_freqtrade() {
    let profits = ["100", "200", "50", "-150", "300", "-100", "80", "-30"].map(amount);
    let found = TradeStatistics::of_profits(&profits).expect("in range");
    assert_eq!(found.expectancy, Some(amount("56.25")));
    let ratio = found.expectancy_ratio.expect("a ratio");
    assert_eq!(format!("{ratio:.8}"), "0.60267857");
    assert_eq!((found.count, found.wins, found.losses), (8, 5, 3));
    assert_eq!(
        (found.gross_profit, found.gross_loss),
        (amount("730"), amount("-280"))
    );
    assert_eq!(
        (found.largest_win, found.largest_loss),
        (Some(amount("300")), Some(amount("-150")))
    );
}

#[test]
fn statistics_without_a_side_have_reasons() {
    let none = TradeStatistics::of_profits(&[]).expect("nothing");
    assert_eq!((none.count, none.expectancy), (0, None));
    assert_eq!(none.win_rate, Err(Undefined::TooFewReturns));
    let wins = TradeStatistics::of_profits(&[amount("1"), amount("0")]).expect("in range");
    assert_eq!(wins.profit_factor, Err(Undefined::NoLosses));
    assert_eq!(wins.expectancy_ratio, Err(Undefined::NoLosses));
    assert_eq!(wins.win_rate, Ok(1.0));
    let losses = TradeStatistics::of_profits(&[amount("-1")]).expect("in range");
    assert_eq!(losses.profit_factor, Ok(0.0));
    assert_eq!(losses.payoff_ratio, Err(Undefined::NoGains));
    assert_eq!(losses.expectancy_ratio, Ok(-1.0));
    let zeros = TradeStatistics::of_profits(&[amount("0")]).expect("in range");
    assert_eq!(zeros.win_rate, Err(Undefined::NoDecisions));
}

#[test]
fn reversing_fill_is_weighted_whole_only_by_lean() {
    let fills = [(0, "100", "10"), (1, "-50", "11"), (2, "-100", "12")];
    let fills = fills.map(|(at, quantity, price)| {
        TradeFill::new(order_id("a"), seconds(at), dec(quantity), dec(price))
    });
    let profit = |grouping| {
        let trips = round_trips(grouping, RoundTripMatching::Fifo, &fills).expect("in range");
        trips.iter().map(|trip| trip.profit).collect::<Vec<_>>()
    };
    assert_eq!(profit(RoundTripGrouping::FlatToFlat), [amount("150")]);
    let lean = profit(RoundTripGrouping::FlatToFlatLean);
    assert_eq!(lean, [amount("166.666666666666666666666667")]);
    assert_eq!(
        profit(RoundTripGrouping::FillToFill),
        [amount("50"), amount("100")]
    );
}

#[test]
fn fee_taken_from_the_quantity_is_a_sale_at_zero() {
    let btc = Currency::new("BTC").expect("an id");
    let fee = Fee::new(dec("0.01"), btc.clone()).taken_from_quantity();
    let buy = TradeFill::new(order_id("a"), seconds(0), dec("1"), dec("100")).with_fee(fee);
    let sell = TradeFill::new(order_id("b"), seconds(1), dec("-0.99"), dec("110"));
    let trips = round_trips(
        RoundTripGrouping::FlatToFlat,
        RoundTripMatching::Fifo,
        &[buy, sell],
    );
    let trips = trips.expect("in range");
    assert_eq!(trips.len(), 1);
    assert_eq!(trips[0].profit, amount("8.9"));
    assert_eq!(trips[0].fees.of(&btc), amount("0.01"));
}

#[test]
fn inverse_contract_profits_in_the_base_currency() {
    let fill = |at, quantity, price| {
        TradeFill::new(order_id("a"), seconds(at), dec(quantity), dec(price))
            .with_contract(Contract::inverse(dec("100")))
    };
    let fills = [
        fill(0, "3", "300"),
        fill(1, "-1", "400"),
        fill(2, "-2", "600"),
    ];
    let trips = round_trips(
        RoundTripGrouping::FillToFill,
        RoundTripMatching::Fifo,
        &fills,
    );
    let profits: Vec<_> = trips
        .expect("in range")
        .iter()
        .map(|it| it.profit)
        .collect();
    // 100/300 - 100/400, and what is left of the entry less 200/600
    let expected = ["0.083333333333333333333333", "0.333333333333333333333334"].map(amount);
    assert_eq!(profits, expected);
}
