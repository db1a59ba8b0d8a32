//! A model of a database: retention drops chunks and jobs refresh windows, at any time and in any order.
//! The tests check that no refresh reads a dropped range if the policies pass the validation.

use proptest::prelude::*;

use super::declared::{RefreshPolicy, RetentionPolicies};
use super::policy_duration::PolicyDuration;
use super::validate::validate;
use crate::domain::Timeframe;

const HOUR: i64 = 3_600;

/// Simulates `hours` from `start`, with both jobs running as often as they can.
///
/// Returns the first candle that a refresh computes for a partially dropped bucket: its timeframe and its
/// offset in seconds.
fn first_erased(policies: &RetentionPolicies, start: i64, hours: i64) -> Option<(Timeframe, i64)> {
    for hour in 0..hours {
        let now = start + hour * HOUR;
        for (timeframe, refresh) in &policies.refresh {
            let tables: &[_] = match timeframe {
                Timeframe::M1 => &[&policies.ticks, &policies.trades],
                _ => &[&policies.candles],
            };
            for table in tables {
                let Some(drop_after) = table.drop_after else {
                    continue;
                };
                // chunks that end at or before this time are dropped
                let chunk = table.chunk.as_seconds();
                let dropped_before = (now - drop_after.as_seconds()).div_euclid(chunk) * chunk;
                let bucket = timeframe.duration().num_seconds();
                let from = match refresh.start_offset {
                    // the window shrinks to whole buckets
                    Some(offset) => {
                        let from = now - offset.as_seconds();
                        from.div_euclid(bucket) * bucket
                            + if from.rem_euclid(bucket) == 0 {
                                0
                            } else {
                                bucket
                            }
                    }
                    None => 0,
                };
                let until = (now - refresh.end_offset.as_seconds()).div_euclid(bucket) * bucket;
                if from < until && from < dropped_before {
                    return Some((*timeframe, from));
                }
            }
        }
    }
    None
}

fn duration(hours: std::ops::Range<i64>) -> impl Strategy<Value = PolicyDuration> {
    hours.prop_map(PolicyDuration::hours)
}

prop_compose! {
    fn sets()(
        lateness in duration(1..60),
        tick_chunk in duration(1..60),
        candle_chunk in (1..9_i64).prop_map(PolicyDuration::days),
        ticks_drop in proptest::option::weighted(0.9, duration(1..400)),
        trades_drop in proptest::option::weighted(0.5, duration(1..400)),
        candles_drop in proptest::option::weighted(0.9, duration(200..2_000)),
        starts in proptest::array::uniform7(proptest::option::weighted(0.98, duration(1..150))),
        every in 60..3_600_i64,
    ) -> RetentionPolicies {
        let mut policies = RetentionPolicies {
            lateness,
            ..RetentionPolicies::default()
        };
        policies.ticks.chunk = tick_chunk;
        policies.ticks.drop_after = ticks_drop;
        policies.ticks.compress_after = None;
        policies.trades = policies.ticks;
        if let Some(drop_after) = trades_drop.filter(|_| ticks_drop.is_some()) {
            policies.trades.drop_after = Some(drop_after);
        }
        policies.candles.chunk = candle_chunk;
        policies.candles.drop_after = candles_drop;
        policies.candles.compress_after = None;
        for (timeframe, start_offset) in Timeframe::ALL.iter().copied().zip(starts) {
            let end_offset = PolicyDuration::from(timeframe.duration());
            let policy = RefreshPolicy { start_offset, end_offset, every: PolicyDuration::seconds(every) };
            policies.refresh.insert(timeframe, policy);
        }
        policies
    }
}

/// Raises values that are too low by little more than needed, so that most sets pass the validation.
fn raised(mut policies: RetentionPolicies) -> RetentionPolicies {
    for (timeframe, refresh) in &mut policies.refresh {
        let bucket = PolicyDuration::from(timeframe.duration());
        let least =
            (policies.lateness + bucket + refresh.every * 2).max(refresh.end_offset + bucket * 2);
        refresh.start_offset = refresh.start_offset.map(|start| start.max(least));
    }
    let start = |policies: &RetentionPolicies, first: bool| {
        let starts = policies.refresh.iter();
        starts
            .filter(|(timeframe, _)| (**timeframe == Timeframe::M1) == first)
            .filter_map(|(_, refresh)| refresh.start_offset)
            .max()
            .unwrap_or(PolicyDuration::days(3))
    };
    let least = |start: PolicyDuration, chunk: PolicyDuration| {
        start + PolicyDuration::days(1) + policies.lateness + chunk * 2
    };
    let ticks = least(start(&policies, true), policies.ticks.chunk);
    let candles = least(start(&policies, false), policies.candles.chunk).max(ticks);
    policies.ticks.drop_after = policies.ticks.drop_after.map(|_| ticks);
    policies.trades.drop_after = policies.ticks.drop_after;
    policies.candles.drop_after = match policies.ticks.drop_after {
        Some(_) => policies.candles.drop_after.map(|_| candles),
        None => None,
    };
    policies
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn valid_policies_erase_no_candle(set in sets(), start in 400_000_000..500_000_000_i64) {
        for policies in [set.clone(), raised(set)] {
            if validate(&policies).is_ok() {
                prop_assert_eq!(first_erased(&policies, start, 300), None);
            }
        }
    }

    #[test]
    fn raised_policies_are_mostly_valid(set in sets()) {
        let finite = set.refresh.values().all(|refresh| refresh.start_offset.is_some());
        let policies = raised(set);
        let few = [&policies.ticks, &policies.candles].into_iter().all(|table| {
            table.drop_after.is_none_or(|drop_after| drop_after <= table.chunk * 1_000)
        });
        let passed = validate(&policies);
        prop_assert_eq!(passed.is_ok(), finite && few, "{:?}", passed);
    }
}

#[test]
fn harmful_policies_erase_candles_and_are_refused() {
    let set = |start_offset, drop_after| {
        let mut policies = RetentionPolicies::default();
        policies.ticks.compress_after = None;
        policies.ticks.drop_after = Some(drop_after);
        policies.trades = policies.ticks;
        for refresh in policies.refresh.values_mut() {
            refresh.start_offset = start_offset;
        }
        policies
    };
    for (start_offset, drop_after) in [
        (None, PolicyDuration::days(5)),
        (Some(PolicyDuration::days(20)), PolicyDuration::days(5)),
        (Some(PolicyDuration::days(7)), PolicyDuration::days(5)),
    ] {
        let unsafe_set = set(start_offset, drop_after);
        let erased = first_erased(&unsafe_set, 400_000_000, 100);
        assert!(erased.is_some(), "{start_offset:?} {drop_after}");
        assert!(validate(&unsafe_set).is_err());
    }
    let safe = set(Some(PolicyDuration::days(3)), PolicyDuration::days(7));
    assert_eq!(first_erased(&safe, 400_000_000, 1_000), None);
    assert_eq!(validate(&safe), Ok(()));
}
