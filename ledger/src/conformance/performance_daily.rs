//! Daily performance.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use tickbook::domain::TimeRange;

use super::PerformanceSubject;
use super::performance_equity::{ACCOUNT, amount, record};
use super::relay_samples::{history_events, of_account};
use crate::PerformanceRepositories;
use crate::domain::Amount;
use crate::domain::performance::{
    Activity, DailyPerformance, EquityPoint, PerformanceReport, Undefined, time_weighted_returns,
};
use crate::repository::{DailyQuery, EquityQuery, HistoryQuery};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn point(at: &str, equity: &str) -> EquityPoint {
    let equity = amount(equity);
    EquityPoint::new(ACCOUNT, time(at), equity, equity, "broker")
}

fn query(zone: &str, from: &str, to: &str) -> DailyQuery {
    let zone: Tz = zone.parse().expect("a zone");
    DailyQuery::new(ACCOUNT, zone, date(from), date(to)).expect("days")
}

async fn daily(subject: &PerformanceSubject, query: &DailyQuery) -> Vec<DailyPerformance> {
    subject.performance().daily(query).await.expect("read")
}

/// The dates with the numbers of points.
fn points(days: &[DailyPerformance]) -> Vec<(String, u64)> {
    days.iter()
        .map(|day| (day.day.date.to_string(), day.points))
        .collect()
}

pub async fn point_at_midnight_belongs_to_the_new_day(subject: &PerformanceSubject) {
    // midnight in New York
    let recorded = [
        point("2024-05-02T03:59:59.999999Z", "100"),
        point("2024-05-02T04:00:00Z", "110"),
    ];
    record(subject, &recorded).await;
    let days = daily(
        subject,
        &query("America/New_York", "2024-05-01", "2024-05-03"),
    )
    .await;
    let expected = [("2024-05-01".to_owned(), 1), ("2024-05-02".to_owned(), 1)];
    assert_eq!(points(&days), expected);
    let days = daily(subject, &query("UTC", "2024-05-01", "2024-05-03")).await;
    assert_eq!(points(&days), [("2024-05-02".to_owned(), 2)]);
    // the first day is inside, the last one is not
    let days = daily(
        subject,
        &query("America/New_York", "2024-05-02", "2024-05-02"),
    )
    .await;
    assert_eq!(days, []);
    let days = daily(
        subject,
        &query("America/New_York", "2024-05-01", "2024-05-02"),
    )
    .await;
    assert_eq!(points(&days), expected[..1]);
}

pub async fn days_of_clock_changes_have_all_their_points(subject: &PerformanceSubject) {
    // each hour of the two days on which clocks change in Berlin, and an hour before and after
    for (first, hours, dates) in [
        (
            "2024-03-30T22:30:00Z",
            25,
            ["2024-03-30", "2024-03-31", "2024-04-01"],
        ),
        (
            "2024-10-26T21:30:00Z",
            27,
            ["2024-10-26", "2024-10-27", "2024-10-28"],
        ),
    ] {
        let hour = |hour| time(first) + TimeDelta::hours(hour);
        let recorded: Vec<_> = (0..hours)
            .map(|at| EquityPoint::new(ACCOUNT, hour(at), amount("1"), amount("1"), "broker"))
            .collect();
        record(subject, &recorded).await;
        let days = daily(subject, &query("Europe/Berlin", dates[0], "2024-12-01")).await;
        let expected = [1, u64::try_from(hours - 2).expect("positive"), 1];
        let expected = dates.map(str::to_owned).into_iter().zip(expected);
        assert_eq!(points(&days[..3]), expected.collect::<Vec<_>>());
    }
}

pub async fn days_start_at_quarters_of_an_hour(subject: &PerformanceSubject) {
    for (zone, midnight) in [
        ("Asia/Kathmandu", "2024-05-01T18:15:00Z"),
        ("Asia/Kolkata", "2024-05-01T18:30:00Z"),
        ("Australia/Eucla", "2024-05-01T15:15:00Z"),
        ("America/St_Johns", "2024-05-02T02:30:00Z"),
    ] {
        let before = time(midnight) - TimeDelta::microseconds(1);
        let at = [before, time(midnight)];
        let recorded =
            at.map(|at| EquityPoint::new(ACCOUNT, at, amount("1"), amount("1"), "broker"));
        record(subject, &recorded).await;
        let days = daily(subject, &query(zone, "2024-05-01", "2024-05-03")).await;
        let ends: Vec<_> = days.iter().map(|it| (it.day.from, it.day.to)).collect();
        assert_eq!(ends[1].0, time(midnight), "{zone}");
        let last = days[0].closing.expect("a point").as_of;
        assert_eq!(last, before, "{zone}");
    }
}

pub async fn opening_is_the_last_equity_before_the_day(subject: &PerformanceSubject) {
    let recorded = [
        point("2024-04-01T12:00:00Z", "90"),
        point("2024-04-02T12:00:00Z", "100"),
        point("2024-05-01T09:00:00Z", "105"),
        point("2024-05-01T12:00:00Z", "110"),
        point("2024-05-03T12:00:00Z", "99"),
    ];
    record(subject, &recorded).await;
    let days = daily(subject, &query("UTC", "2024-05-01", "2024-05-10")).await;
    // days without points are left out
    assert_eq!(
        points(&days),
        [("2024-05-01".to_owned(), 2), ("2024-05-03".to_owned(), 1)]
    );
    let opening = days[0].opening.expect("a point");
    assert_eq!(
        (opening.as_of, opening.equity),
        (recorded[1].as_of, amount("100"))
    );
    assert_eq!(days[0].time_weighted_return, Ok(0.1));
    assert_eq!(days[0].profit(), Ok(Some(amount("10"))));
    let opening = days[1].opening.expect("a point");
    assert_eq!(
        (opening.as_of, opening.equity),
        (recorded[3].as_of, amount("110"))
    );
    assert_eq!(days[1].time_weighted_return, Ok(-0.1));
    // nothing is known before the first day
    let days = daily(subject, &query("UTC", "2024-04-01", "2024-04-02")).await;
    assert_eq!(days[0].opening, None);
    assert_eq!(
        days[0].time_weighted_return,
        Err(Undefined::NoOpeningEquity)
    );
    assert_eq!(days[0].profit(), Ok(None));
}

pub async fn flows_are_not_returns(subject: &PerformanceSubject) {
    let recorded = [
        point("2024-05-01T12:00:00Z", "1000"),
        // a profit of 10 per cent, then a deposit, then a loss of 10 per cent
        point("2024-05-02T08:00:00Z", "1100"),
        point("2024-05-02T08:01:00Z", "2000").with_flows(amount("900")),
        point("2024-05-02T20:00:00Z", "1800"),
        // a withdrawal
        point("2024-05-03T08:00:00Z", "800").with_flows(amount("-1000")),
    ];
    record(subject, &recorded).await;
    let days = daily(subject, &query("UTC", "2024-05-01", "2024-05-04")).await;
    let returns = days[1..].iter().map(|it| it.time_weighted_return);
    let returns: Vec<_> = returns.map(|it| it.expect("a return")).collect();
    assert!(
        (returns[0] - (1.1 * 0.9 - 1.0)).abs() < 1e-12,
        "{returns:?}"
    );
    assert!(returns[1].abs() < 1e-12, "{returns:?}");
    assert_eq!(
        (days[1].flows, days[2].flows),
        (amount("900"), amount("-1000"))
    );
    assert_eq!(days[1].profit(), Ok(Some(amount("-100"))));
    assert_eq!(days[2].profit(), Ok(Some(Amount::ZERO)));
}

fn random_points(random: &mut fastrand::Rng) -> Vec<EquityPoint> {
    let mut at = time("2024-03-01T00:00:00Z");
    let mut equity = 1_000_000_i64;
    let points = (0..400).map(|_| {
        at += TimeDelta::seconds(random.i64(1..20_000));
        equity += random.i64(-20_000..21_000);
        let flow = match random.u8(..8) {
            0 => random.i64(-50_000..80_000),
            _ => 0,
        };
        equity = (equity + flow).max(1_000);
        let amount = |units: i64| Amount::try_from(rust_decimal::Decimal::new(units, 2));
        let (equity, flow) = (amount(equity).expect("small"), amount(flow).expect("small"));
        EquityPoint::new(ACCOUNT, at, equity, equity, "broker").with_flows(flow)
    });
    points.collect()
}

/// Prints the seed of a random behaviour.
fn seeded(name: &str) -> fastrand::Rng {
    let seed = fastrand::u64(..);
    eprintln!("{name}: seed {seed}");
    fastrand::Rng::with_seed(seed)
}

pub async fn returns_of_days_multiply_to_those_of_points(subject: &PerformanceSubject) {
    let points = random_points(&mut seeded("returns_of_days"));
    record(subject, &points).await;
    let days = daily(
        subject,
        &query("Asia/Kathmandu", "2024-02-01", "2024-09-01"),
    )
    .await;
    let growth = |returns: &mut dyn Iterator<Item = f64>| {
        returns.fold(1.0, |growth, value| growth * (1.0 + value))
    };
    let of_days = growth(&mut days.iter().filter_map(|day| day.time_weighted_return.ok()));
    // the first day has no equity before it
    let first = days[0].closing.expect("a point").as_of;
    let later: Vec<_> = points
        .iter()
        .filter(|it| it.as_of >= first)
        .cloned()
        .collect();
    let of_points = time_weighted_returns(&later).expect("in range").values();
    let of_points = growth(&mut of_points.into_iter());
    assert!(
        (of_days - of_points).abs() <= of_points * 1e-12,
        "{of_days} {of_points}"
    );
}

pub async fn ruined_account_has_no_later_returns(subject: &PerformanceSubject) {
    let recorded = [
        point("2024-05-01T12:00:00Z", "100"),
        point("2024-05-02T12:00:00Z", "-20"),
        point("2024-05-03T12:00:00Z", "50"),
        point("2024-05-04T12:00:00Z", "60"),
    ];
    record(subject, &recorded).await;
    let asked = query("UTC", "2024-05-01", "2024-06-01");
    let days = daily(subject, &asked).await;
    assert_eq!(days[1].time_weighted_return, Ok(-1.2));
    for day in &days[2..] {
        assert_eq!(day.time_weighted_return, Err(Undefined::Ruined));
        assert!(day.profit().expect("in range").is_some());
    }
    let report = subject.performance().report(&asked).await.expect("read");
    assert_eq!(report.ruined_at, Some(time("2024-05-03T00:00:00Z")));
    assert_eq!((report.returns, report.profit), (1, Some(amount("-40"))));
    // equity that recovers within the day
    let recorded = [
        point("2024-07-01T12:00:00Z", "100"),
        point("2024-07-02T10:00:00Z", "0"),
        point("2024-07-02T12:00:00Z", "100"),
    ];
    record(subject, &recorded).await;
    let days = daily(subject, &query("UTC", "2024-07-02", "2024-07-03")).await;
    assert_eq!(days[0].time_weighted_return, Err(Undefined::Ruined));
}

pub async fn fills_count_on_the_day_of_their_report(subject: &PerformanceSubject) {
    let events = of_account(&history_events().await, ACCOUNT);
    subject
        .history()
        .write(&events, &[])
        .await
        .expect("written");
    let reports = HistoryQuery::new(ACCOUNT, TimeRange::all());
    let reports = subject.history().fills(&reports).await.expect("read").items;
    let (first, last) = (reports[0].trade_time, reports[reports.len() - 1].trade_time);
    let to = last.date_naive() + TimeDelta::days(1);
    let asked = DailyQuery::new(ACCOUNT, Tz::UTC, first.date_naive(), to).expect("days");
    let days = daily(subject, &asked).await;
    let mut sums = Activity::default();
    for day in &days {
        assert_eq!((day.opening, day.closing, day.points), (None, None, 0));
        assert_eq!(day.time_weighted_return, Err(Undefined::NoOpeningEquity));
        for (key, activity) in &day.activity {
            let of_key = reports.iter().filter(|it| {
                (it.strategy_id, it.symbol_id) == (key.strategy_id, key.symbol_id)
                    && it.trade_time.date_naive() == day.day.date
            });
            let counted = activity.fills + activity.busts + activity.corrections;
            assert_eq!(counted, of_key.count() as u64, "{key:?}");
            sums.add_all(activity).expect("in range");
        }
    }
    assert_eq!((sums.fills, sums.corrections, sums.busts), (2, 1, 1));
    // as the venue sent them, without the correction and the bust
    let filled = reports.iter().filter(|it| it.ref_exec_id.is_none());
    let filled = filled
        .filter_map(|it| it.last)
        .map(|(quantity, price)| Amount::of(price, quantity));
    let filled = filled.map(|it| it.expect("in range"));
    let traded = filled.fold(Amount::ZERO, |sum, it| sum.plus(it).expect("in range"));
    assert_eq!(sums.bought.plus(sums.sold), Ok(traded));
    for fee in reports.iter().filter_map(|it| it.fee.as_ref()) {
        assert_eq!(
            Ok(sums.fees.of(&fee.currency)),
            Amount::try_from(fee.amount)
        );
    }
}

pub async fn report_is_that_of_the_days(subject: &PerformanceSubject) {
    let points = random_points(&mut seeded("report"));
    record(subject, &points).await;
    let asked = query("America/New_York", "2024-02-01", "2024-09-01");
    let days = daily(subject, &asked).await;
    let report = subject.performance().report(&asked).await.expect("read");
    assert_eq!(report, PerformanceReport::of(&days).expect("in range"));
    assert_eq!(report.returns + 1, days.len() as u64);
    let last = points.last().expect("points");
    assert_eq!(report.closing.map(|it| it.as_of), Some(last.as_of));
    let empty = query("UTC", "2020-01-01", "2020-02-01");
    let report = subject.performance().report(&empty).await.expect("read");
    assert_eq!(
        (report.returns, report.opening, report.profit),
        (0, None, None)
    );
}

pub async fn random_points_give_the_days_of_the_reference(subject: &PerformanceSubject) {
    let mut random = seeded("days_of_the_reference");
    let points = random_points(&mut random);
    record(subject, &points).await;
    let reference = PerformanceRepositories::in_memory().performance;
    reference.record_equity(&points).await.expect("recorded");
    for _ in 0..6 {
        let zone = chrono_tz::TZ_VARIANTS[random.usize(..chrono_tz::TZ_VARIANTS.len())];
        let from = date("2024-02-20") + TimeDelta::days(random.i64(0..60));
        let to = from + TimeDelta::days(random.i64(0..90));
        let asked = DailyQuery::new(ACCOUNT, zone, from, to).expect("days");
        let expected = reference.daily(&asked).await.expect("read");
        assert_eq!(daily(subject, &asked).await, expected, "{zone} {from} {to}");
    }
    let all = EquityQuery::new(ACCOUNT, TimeRange::all());
    let found = subject.performance().equity(&all).await.expect("read");
    assert_eq!(found, reference.equity(&all).await.expect("read"));
}
