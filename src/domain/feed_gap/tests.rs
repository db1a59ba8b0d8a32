use super::*;

#[test]
fn names_read_back() {
    for channel in FeedChannel::ALL {
        assert_eq!(channel.as_str().parse(), Ok(*channel));
    }
    for kind in crate::domain::MessageKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
    }
    let stale = StaleReason::ALL.iter().copied().map(GapReason::Stale);
    for reason in stale.chain([GapReason::Stopped]) {
        assert_eq!(reason.as_str().parse(), Ok(reason));
    }
    assert!("Book".parse::<FeedChannel>().is_err());
    assert!("lost".parse::<GapReason>().is_err());
    assert!("".parse::<crate::domain::MessageKind>().is_err());
}

#[test]
fn end_of_a_gap_never_changes_back() {
    let from = DateTime::UNIX_EPOCH;
    let (id, channel) = (SymbolId::new(1), FeedChannel::Trades);
    let open = FeedGap::open("kraken", id, channel, from, GapReason::Stopped);
    let closed = open.clone().closed(from);
    let filled = closed.clone().filled_at(from);
    assert_eq!(open.clone().with_later(&closed), closed);
    assert_eq!(closed.clone().with_later(&open), closed);
    assert_eq!(closed.clone().with_later(&filled), filled);
    assert_eq!(filled.clone().with_later(&open), filled);
    let failed = closed.clone().failure("no history");
    let again = closed.clone().failure("no answer");
    assert_eq!(failed.clone().with_later(&closed), failed);
    assert_eq!(failed.clone().with_later(&again), again);
    assert_eq!(failed.with_later(&filled), filled);
    assert_eq!(filled.clone().with_later(&again), filled);
}

#[test]
fn edges_and_failures_are_checked() {
    let from = DateTime::UNIX_EPOCH;
    let (id, channel) = (SymbolId::new(1), FeedChannel::Trades);
    let open = FeedGap::open("kraken", id, channel, from, GapReason::Stopped);
    let edge = GapEdge::new(from, Some(7));
    let lasting = [open.clone().next(edge), open.clone().filled_at(from)];
    for gap in lasting {
        assert_eq!(gap.normalized(), Err(InvalidFeedRow::Lasts));
        assert!(gap.closed(from).normalized().is_ok());
    }
    let negative = GapEdge::new(from, Some(-1));
    let early = GapEdge::new(from - chrono::TimeDelta::seconds(1), None);
    for edge in [negative, early] {
        let identity = open.clone().last(edge).normalized();
        assert!(matches!(identity, Err(InvalidFeedRow::Identity(_))));
    }
    let long = open.clone().failure("x".repeat(501)).normalized();
    assert_eq!(long, Err(InvalidFeedRow::Failure(501)));
    let nul = open.failure("a\0").normalized();
    assert_eq!(nul, Err(InvalidFeedRow::Nul));
}
