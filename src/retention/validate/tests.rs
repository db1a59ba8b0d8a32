use super::*;
use crate::retention::late_after;

fn minute() -> PolicyDuration {
    PolicyDuration::seconds(60)
}

/// The only conflict of the defaults after `change`; `None` without a conflict.
fn conflict(change: impl FnOnce(&mut RetentionPolicies)) -> Option<String> {
    let mut policies = RetentionPolicies::default();
    change(&mut policies);
    // trades have the policies of ticks, and the same conflicts
    policies.trades = policies.ticks;
    let conflicts = validate(&policies).err()?;
    let texts = conflicts.iter().map(ToString::to_string);
    let (of_trades, others): (Vec<_>, Vec<_>) =
        texts.partition(|text| text.contains("policies.trades"));
    let renamed: Vec<_> = of_trades
        .iter()
        .map(|text| text.replace("trades", "ticks"))
        .collect();
    let of_ticks = others.iter().filter(|text| text.contains("policies.ticks"));
    assert_eq!(Vec::from_iter(of_ticks), Vec::from_iter(&renamed));
    Some(others.join("\n"))
}

#[test]
fn trades_alone_conflict_as_ticks_do() {
    let mut policies = RetentionPolicies::default();
    policies.trades.drop_after = Some(PolicyDuration::days(5));
    let conflicts = validate(&policies).expect_err("too short");
    let texts: Vec<_> = conflicts.iter().map(ToString::to_string).collect();
    assert!(
        texts.iter().all(|text| text.contains("policies.trades.")),
        "{texts:?}"
    );
    let expected = "a refresh would find its trades dropped";
    assert!(
        texts.iter().any(|text| text.contains(expected)),
        "{texts:?}"
    );
    policies.trades.drop_after = None;
    let conflicts = validate(&policies).expect_err("candles are dropped");
    let text = conflicts[0].to_string();
    assert!(
        text.contains("candles would be dropped before their trades"),
        "{text}"
    );
}

fn refresh(policies: &mut RetentionPolicies, timeframe: Timeframe) -> &mut RefreshPolicy {
    policies.refresh.get_mut(&timeframe).expect("all are there")
}

/// Applies `change` with the shortest length that passes, and with one second less, which must conflict with
/// `texts`.
fn limit(
    least: PolicyDuration,
    texts: &[&str],
    change: impl Fn(&mut RetentionPolicies, PolicyDuration),
) {
    assert_eq!(conflict(|policies| change(policies, least)), None);
    let text = conflict(|policies| change(policies, least - PolicyDuration::seconds(1)));
    let text = text.expect("one second less conflicts");
    for expected in texts {
        assert!(text.contains(expected), "{text:?} says {expected:?}");
    }
}

#[test]
fn defaults_are_consistent() {
    assert_eq!(conflict(|_| ()), None);
    assert_eq!(
        late_after(&RetentionPolicies::default()),
        PolicyDuration::seconds(172_200)
    );
}

#[test]
fn ticks_are_kept_for_the_refresh_of_their_candles() {
    // 3d + 1d + 1d + 2 x 1d, with compression before that
    let change = |policies: &mut RetentionPolicies, drop_after| {
        policies.ticks.drop_after = Some(drop_after);
        policies.ticks.compress_after = Some(PolicyDuration::days(2));
    };
    let texts = [
        "policies.ticks.drop_after (6d23h59m59s) is less than policies.refresh.1m.start_offset",
        "(7d): a refresh would find its ticks dropped",
        "set drop_after to 7d or more",
    ];
    limit(PolicyDuration::days(7), &texts, change);
}

#[test]
fn candles_are_kept_for_the_refresh_of_larger_ones() {
    // 3d + 1d + 1d + 2 x 7d
    let change = |policies: &mut RetentionPolicies, drop_after| {
        policies.candles.drop_after = Some(drop_after);
        policies.candles.compress_after = Some(PolicyDuration::days(5));
        policies.ticks.drop_after = Some(PolicyDuration::days(10));
    };
    let texts = ["policies.refresh.5m.start_offset", "(19d)", "its candles"];
    limit(PolicyDuration::days(19), &texts, change);
}

#[test]
fn refresh_of_any_age_is_refused() {
    for &timeframe in Timeframe::ALL {
        let text = conflict(|policies| refresh(policies, timeframe).start_offset = None);
        let text = text.expect("refused");
        assert!(
            text.contains(&format!("policies.refresh.{timeframe}.start_offset (none)")),
            "{text}"
        );
        assert!(text.contains("such as 3d"), "{text}");
    }
}

#[test]
fn forming_candle_is_not_refreshed() {
    for &timeframe in Timeframe::ALL {
        let bucket = PolicyDuration::from(timeframe.duration());
        let texts = [
            "end_offset",
            "would be frozen",
            &format!("set end_offset to {bucket}"),
        ];
        limit(bucket, &texts, |policies, end_offset| {
            refresh(policies, timeframe).end_offset = end_offset;
        });
    }
}

#[test]
fn window_covers_two_candles() {
    let texts = ["policies.refresh.1d.end_offset and two candles (3d)"];
    limit(PolicyDuration::days(3), &texts, |policies, start_offset| {
        refresh(policies, Timeframe::D1).start_offset = Some(start_offset);
    });
}

#[test]
fn regular_refresh_covers_the_lateness() {
    let least = PolicyDuration::days(1) + PolicyDuration::hours(1) + PolicyDuration::seconds(600);
    let texts = ["policies.lateness, one candle of 1h and two runs (1d1h10m)"];
    limit(least, &texts, |policies, start_offset| {
        refresh(policies, Timeframe::H1).start_offset = Some(start_offset);
    });
}

#[test]
fn ticks_are_compressed_after_the_lateness() {
    let texts = ["policies.lateness (1d)", "set compress_after to 1d"];
    limit(
        PolicyDuration::days(1),
        &texts,
        |policies, compress_after| {
            policies.ticks.compress_after = Some(compress_after);
        },
    );
}

#[test]
fn candles_are_compressed_after_their_last_refresh() {
    let texts = ["policies.refresh.1d.start_offset and one candle of 1d (4d)"];
    limit(
        PolicyDuration::days(4),
        &texts,
        |policies, compress_after| {
            policies.candles.compress_after = Some(compress_after);
        },
    );
}

#[test]
fn compressed_chunks_are_not_dropped_at_once() {
    let texts = [
        "policies.ticks.compress_after (20d)",
        "nothing would ever be compressed",
    ];
    limit(PolicyDuration::days(20), &texts, |policies, drop_after| {
        policies.ticks.compress_after = Some(PolicyDuration::days(20));
        policies.ticks.drop_after = Some(drop_after);
    });
}

#[test]
fn candles_live_as_long_as_their_ticks() {
    let texts = ["policies.ticks.drop_after (90d)"];
    limit(PolicyDuration::days(90), &texts, |policies, drop_after| {
        policies.candles.drop_after = Some(drop_after);
    });
    let text = conflict(|policies| policies.ticks.drop_after = None);
    assert!(text.is_some_and(|text| text.contains("set it to \"none\" as well")));
    let text = conflict(|policies| {
        policies.ticks.drop_after = None;
        policies.candles.drop_after = None;
    });
    assert_eq!(text, None);
}

#[test]
fn chunks_are_not_too_many() {
    // 2160 h of ticks
    let texts = [
        "1000 times policies.ticks.chunk",
        "policies.ticks.drop_after (90d)",
    ];
    let text = conflict(|policies| policies.ticks.chunk = PolicyDuration::hours(2));
    let text = text.expect("1080 chunks");
    assert!(texts.iter().all(|expected| text.contains(expected)));
    assert!(text.contains("set chunk to 3h or more"), "{text}");
    assert_eq!(
        conflict(|policies| policies.ticks.chunk = PolicyDuration::hours(3)),
        None
    );
    let text = conflict(|policies| {
        policies.ticks.chunk = PolicyDuration::hours(2);
        policies.ticks.drop_after = Some(PolicyDuration::hours(2_000));
    });
    assert_eq!(text, None);
}

#[test]
fn chunk_lengths_are_whole_hours_or_days() {
    let text = conflict(|policies| policies.ticks.chunk = PolicyDuration::hours(24) + minute());
    let text = text.expect("one minute more");
    assert!(text.contains("set chunk to 1d1h"), "{text}");
    let text = conflict(|policies| policies.ticks.chunk = minute());
    assert!(text.is_some_and(|text| text.contains("set chunk to 1h or more")));
    let text = conflict(|policies| policies.candles.chunk = minute());
    assert!(text.is_some_and(|text| text.contains("set chunk to 1d or more")));
    // half of a day's minutes would be dropped, and the rest read as the day
    let text = conflict(|policies| policies.candles.chunk = PolicyDuration::hours(36));
    let expected = "policies.candles.chunk (1d12h) is less than the next multiple of 1d (2d)";
    assert!(text.is_some_and(|text| text.starts_with(expected)));
    assert_eq!(
        conflict(|policies| policies.candles.chunk = PolicyDuration::days(2)),
        None
    );
}

#[test]
fn lateness_has_a_minimum() {
    limit(
        PolicyDuration::hours(1),
        &["set lateness to 1h"],
        |policies, lateness| {
            policies.lateness = lateness;
        },
    );
}

#[test]
fn all_conflicts_are_reported_at_once() {
    let mut policies = RetentionPolicies::default();
    policies.ticks.drop_after = Some(PolicyDuration::days(5));
    policies.candles.compress_after = Some(PolicyDuration::days(2));
    refresh(&mut policies, Timeframe::D1).start_offset = None;
    let conflicts = validate(&policies).expect_err("inconsistent");
    assert!(conflicts.len() >= 4, "{conflicts:?}");
}
