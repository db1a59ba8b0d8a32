//! Risk events.

use chrono::TimeDelta;
use tickbook::domain::SortOrder;

use super::OversightSubject;
use super::samples::{
    SYMBOL, TENANT, account, assert_invalid, assert_not_found, create, dec, limit, range, scope,
    seconds, terms,
};
use crate::domain::{
    AccountId, AccountScope, NewRiskEvent, RiskEvent, RiskEventId, RiskKind, Severity, StrategyId,
    TenantId,
};
use crate::repository::RiskEventQuery;

fn event(account_id: impl Into<Option<AccountId>>, at: i64) -> NewRiskEvent {
    let (observed, threshold) = (dec("120.5"), dec("100"));
    let kind = RiskKind::PositionLimit;
    NewRiskEvent::new(
        kind,
        Severity::Critical,
        "quantity",
        observed,
        threshold,
        seconds(at),
    )
    .with_account(account_id)
}

async fn raise(subject: &OversightSubject, event: NewRiskEvent) -> RiskEvent {
    let oversight = &subject.oversight().oversight;
    let raised = oversight.raise_risk(&AccountScope::all(), event).await;
    raised.expect("raised")
}

async fn list(subject: &OversightSubject, query: &RiskEventQuery) -> Vec<RiskEvent> {
    let oversight = &subject.oversight().oversight;
    let page = oversight.risk_events(&AccountScope::all(), query).await;
    page.expect("read").items
}

pub async fn raised_event_reads_back(subject: &OversightSubject) {
    let id = account(subject.ledger()).await;
    let whole = event(id, 1)
        .with_strategy(StrategyId::new(3))
        .with_symbol(SYMBOL)
        .with_action("reported")
        .with_detail("order", "a-1");
    let first = raise(subject, whole.clone()).await;
    assert_eq!((&first.event, &first.acknowledgement), (&whole, &None));
    let mut sent = event(None, 2);
    sent.occurred_at += TimeDelta::nanoseconds(999);
    sent.observed = dec("-0.000000000001");
    let second = raise(subject, sent).await;
    assert_eq!(second.event.occurred_at, seconds(2));
    let found = list(subject, &RiskEventQuery::default()).await;
    assert_eq!(found, [first, second]);
}

pub async fn events_get_ascending_ids(subject: &OversightSubject) {
    let first = raise(subject, event(None, 2)).await.risk_event_id;
    let second = raise(subject, event(None, 1)).await.risk_event_id;
    assert!(first.get() >= 1 && first < second, "{first} {second}");
}

pub async fn invalid_event_is_not_raised(subject: &OversightSubject) {
    let mut unnamed = event(None, 1);
    unnamed.metric = String::new();
    let mut inexact = event(None, 1);
    inexact.observed = dec("0.0000000000001");
    let oversight = &subject.oversight().oversight;
    for invalid in [
        unnamed,
        inexact,
        event(AccountId::new(0), 1),
        event(None, 1).with_action("a\nb"),
        event(None, 1).with_detail("", "x"),
    ] {
        assert_invalid(oversight.raise_risk(&AccountScope::all(), invalid).await);
    }
    let unknown = event(AccountId::new(99), 1);
    assert_not_found(oversight.raise_risk(&AccountScope::all(), unknown).await);
    assert_eq!(list(subject, &RiskEventQuery::default()).await, []);
}

pub async fn list_has_only_matching_events(subject: &OversightSubject) {
    let id = account(subject.ledger()).await;
    let first = raise(subject, event(id, 1)).await;
    let mut other = event(None, 2);
    other.kind = RiskKind::StaleFeed;
    other.severity = Severity::Warning;
    let second = raise(subject, other).await;
    let oversight = &subject.oversight().oversight;
    let acknowledged = oversight
        .acknowledge_risk(&AccountScope::all(), second.risk_event_id, "me", "")
        .await;
    let second = acknowledged.expect("acknowledged");
    let all = RiskEventQuery::default;
    for (query, expected) in [
        (all().account_id(id), &first),
        (all().kind(RiskKind::StaleFeed), &second),
        (all().severity(Severity::Critical), &first),
        (all().acknowledged(true), &second),
        (all().acknowledged(false), &first),
        (all().range(range(2, 3)), &second),
    ] {
        assert_eq!(list(subject, &query).await, std::slice::from_ref(expected));
    }
    let newest = all().order(SortOrder::Descending);
    assert_eq!(list(subject, &newest).await, [second, first]);
    assert_eq!(list(subject, &all().kind(RiskKind::Drawdown)).await, []);
}

pub async fn first_acknowledgement_stays(subject: &OversightSubject) {
    let raised = raise(subject, event(None, 1)).await;
    let (oversight, all) = (&subject.oversight().oversight, AccountScope::all());
    let id = raised.risk_event_id;
    let first = oversight.acknowledge_risk(&all, id, "first", "seen").await;
    let first = first.expect("acknowledged");
    let made = first.acknowledgement.clone().expect("acknowledged");
    assert_eq!((&*made.by, &*made.note), ("first", "seen"));
    let again = oversight.acknowledge_risk(&all, id, "second", "").await;
    assert_eq!(again.expect("acknowledged"), first);
    assert_eq!(list(subject, &RiskEventQuery::default()).await, [first]);
    for by in ["", "a\nb"] {
        assert_invalid(oversight.acknowledge_risk(&all, id, by, "").await);
    }
    for id in [0, -1, id.get() + 1, i64::MAX] {
        let id = RiskEventId::new(id);
        assert_not_found(oversight.acknowledge_risk(&all, id, "me", "").await);
    }
}

pub async fn events_outside_of_the_scope_do_not_exist(subject: &OversightSubject) {
    let id = account(subject.ledger()).await;
    let mut other = terms("other");
    other.tenant_id = TenantId::new(2);
    let foreign = create(subject.ledger(), other).await.account_id;
    let own = raise(subject, event(id, 1)).await;
    let foreign = raise(subject, event(foreign, 1)).await;
    let of_none = raise(subject, event(None, 1)).await;
    let (oversight, all) = (&subject.oversight().oversight, RiskEventQuery::default());
    for scope in [scope(), AccountScope::accounts(TENANT, [id])] {
        let page = oversight.risk_events(&scope, &all).await.expect("read");
        assert_eq!(page.items, std::slice::from_ref(&own));
        for outside in [&foreign, &of_none] {
            let id = outside.risk_event_id;
            assert_not_found(oversight.acknowledge_risk(&scope, id, "me", "").await);
            assert_not_found(oversight.raise_risk(&scope, outside.event.clone()).await);
        }
    }
    let nothing = AccountScope::accounts(TENANT, []);
    let page = oversight.risk_events(&nothing, &all).await.expect("read");
    assert_eq!(page.items, []);
}

pub async fn pages_of_events_neither_skip_nor_repeat(subject: &OversightSubject) {
    for number in 0..7 {
        raise(subject, event(None, 10 - number)).await;
    }
    let oversight = &subject.oversight().oversight;
    for order in SortOrder::ALL {
        let all = list(subject, &RiskEventQuery::default().order(*order)).await;
        for size in [1, 3, 7] {
            let mut query = RiskEventQuery::default().order(*order).limit(limit(size));
            let mut found = Vec::new();
            loop {
                let page = oversight.risk_events(&AccountScope::all(), &query).await;
                let page = page.expect("read");
                found.extend(page.items);
                match page.next {
                    Some(next) => query = query.after(next),
                    None => break,
                }
            }
            assert_eq!(found, all, "pages of {size}");
        }
    }
}
