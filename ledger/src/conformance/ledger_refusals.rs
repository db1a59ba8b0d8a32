//! Unknown accounts, and events that are not booked.

use tickbook::domain::{PageLimit, SymbolId, TimeRange};

use super::samples::{
    TENANT, account, all_fills, append, assert_not_found, assert_verified, book, busted, client_id,
    created, dec, event, exec_id, filled, limit, order, order_id, quarantine, scope, seconds,
    sequences,
};
use crate::LedgerRepositories;
use crate::domain::{
    AccountId, AccountScope, Correction, FillReference, OrderEvent, OrderEventKind, Replacement,
    Side, TenantId,
};
use crate::repository::{
    FillQuery, OrderEventQuery, OrderQuery, PositionQuery, QuarantineQuery, QuarantineReason,
};

/// Asserts that no method finds an account.
async fn assert_missing(store: &LedgerRepositories, scope: &AccountScope, id: AccountId) {
    let ledger = &store.ledger;
    let events = [created("o", Side::Buy, "10")];
    assert_not_found(ledger.append(scope, id, &events, None).await);
    assert_not_found(ledger.append(scope, id, &[], None).await);
    assert_not_found(ledger.order(scope, id, &order_id("o")).await);
    assert_not_found(ledger.orders(scope, &OrderQuery::new(id)).await);
    assert_not_found(ledger.events(scope, &OrderEventQuery::new(id)).await);
    assert_not_found(
        ledger
            .fills(scope, &FillQuery::new(id, TimeRange::all()))
            .await,
    );
    assert_not_found(ledger.positions(scope, &PositionQuery::new(id)).await);
    let as_of = PositionQuery::new(id).as_of(seconds(0));
    assert_not_found(ledger.positions(scope, &as_of).await);
    assert_not_found(ledger.quarantined(scope, &QuarantineQuery::new(id)).await);
    assert_not_found(ledger.verify(scope, id).await);
}

pub async fn unknown_account_is_refused(store: &LedgerRepositories) {
    let id = account(store).await;
    let unknown = AccountId::new(id.get() + 1);
    assert_missing(store, &scope(), unknown).await;
    assert_missing(store, &AccountScope::all(), AccountId::new(0)).await;
}

pub async fn account_outside_of_the_scope_is_refused(store: &LedgerRepositories) {
    let id = account(store).await;
    book(store, id, &[created("o", Side::Buy, "10")]).await;
    let other = TenantId::new(TENANT.get() + 1);
    assert_missing(store, &AccountScope::tenant(other), id).await;
    assert_missing(store, &AccountScope::accounts(other, [id]), id).await;
    assert_missing(store, &AccountScope::accounts(TENANT, []), id).await;
    assert_eq!(sequences(store, id).await, [1]);
}

/// An event for each reason of a refusal, after the events of [`prepared`].
fn refused() -> Vec<(&'static str, OrderEvent)> {
    let fill = |order, exec, quantity| filled(order, exec, 9, quantity, "2");
    let mut foreign = fill("o", "F1", "1");
    foreign.account_id = Some(AccountId::new(1_000_000));
    let other_order = fill("p", "F2", "1").with_client_order_id(client_id("X"));
    let mut other_symbol = fill("o", "F3", "1");
    other_symbol.symbol_id = Some(SymbolId::new(99));
    let mut other_side = fill("o", "F4", "1");
    other_side.side = Some(Side::Sell);
    let replaced = OrderEventKind::Replaced(Replacement::quantity(dec("5")));
    let correction = |named: &str| {
        let reference = FillReference::new(exec_id(named));
        let correction = Correction::new(reference, dec("1"), dec("1"));
        OrderEventKind::FillCorrected(correction)
    };
    let most = "999999999999999.999999999999";
    vec![
        ("invalid", fill("o", "F5", "0")),
        ("invalid", fill("o", "F6", "-1")),
        ("invalid", fill("o", "F7", "0.0000000000001")),
        ("foreign_account", foreign),
        ("unknown_order", fill("nobody", "F8", "1")),
        ("other_order", other_order),
        ("other_symbol", other_symbol),
        ("other_side", other_side),
        (
            "order_closed",
            event("closed", replaced).with_exec_id(exec_id("F9")),
        ),
        ("unknown_fill", busted("o", "F10", "Z")),
        ("superseded", busted("o", "F11", "E1")),
        ("busted", busted("o", "F12", "E3")),
        (
            "reference_cycle",
            event("o", correction("E2")).with_exec_id(exec_id("E1")),
        ),
        ("amount_out_of_range", fill("o", "F13", most)),
    ]
}

fn prepared() -> Vec<OrderEvent> {
    let correction = Correction::new(FillReference::new(exec_id("E1")), dec("3"), dec("2"));
    vec![
        created("o", Side::Buy, "10").with_client_order_id(client_id("X")),
        created("p", Side::Buy, "10"),
        created("closed", Side::Buy, "10"),
        event("closed", OrderEventKind::Canceled).with_exec_id(exec_id("E0")),
        filled("o", "E1", 1, "4", "2"),
        event("o", OrderEventKind::FillCorrected(correction)).with_exec_id(exec_id("E2")),
        filled("o", "E3", 2, "4", "2"),
        busted("o", "E4", "E3"),
    ]
}

pub async fn every_refusal_is_kept_with_its_reason(store: &LedgerRepositories) {
    let id = account(store).await;
    book(store, id, &prepared()).await;
    let before = (order(store, id, "o").await, all_fills(store, id).await);
    let refused = refused();
    let events: Vec<_> = refused.iter().map(|(_, event)| event.clone()).collect();
    let receipt = append(store, id, &events).await;
    let found: Vec<_> = receipt
        .quarantined
        .iter()
        .map(|it| (it.index, it.reason.as_str()))
        .collect();
    let expected: Vec<_> = refused
        .iter()
        .map(|(reason, _)| *reason)
        .enumerate()
        .collect();
    assert_eq!((found, receipt.sequence), (expected, 8));
    assert_eq!(
        (order(store, id, "o").await, all_fills(store, id).await),
        before
    );
    let kept = quarantine(store, id).await;
    assert_eq!(kept.len(), refused.len());
    for (at, (kept, refused)) in (1..).zip(kept.iter().zip(&receipt.quarantined)) {
        assert_eq!((kept.number, kept.deliveries), (at, 1));
        assert_eq!(kept.event, events[refused.index]);
        assert_eq!(kept.reason, QuarantineReason::from(refused.reason.clone()));
    }
    assert_verified(store, id).await;
}

pub async fn refused_events_do_not_block_the_others(store: &LedgerRepositories) {
    let id = account(store).await;
    book(store, id, &prepared()).await;
    let mut events = Vec::new();
    for (number, (_, refused)) in refused().into_iter().enumerate() {
        events.push(refused);
        events.push(filled("p", &format!("G{number}"), 20, "0.5", "2"));
    }
    let receipt = append(store, id, &events).await;
    let count = events.len() / 2;
    assert_eq!(
        (receipt.appended.len(), receipt.quarantined.len()),
        (count, count)
    );
    assert_eq!(order(store, id, "p").await.executed(), dec("7"));
}

pub async fn refused_event_is_kept_once(store: &LedgerRepositories) {
    let id = account(store).await;
    let fill = filled("o", "E1", 1, "4", "2");
    let mut later = fill.clone();
    later.received_at = Some(seconds(50));
    let receipt = append(store, id, &[fill.clone(), later]).await;
    assert_eq!(receipt.quarantined.len(), 2);
    append(store, id, std::slice::from_ref(&fill)).await;
    let kept = quarantine(store, id).await;
    assert_eq!(
        (kept.len(), kept[0].deliveries, &kept[0].event),
        (1, 3, &fill)
    );
    // the order is known later, and the venue sends the fill again
    book(store, id, &[created("o", Side::Buy, "10"), fill]).await;
    assert_eq!(quarantine(store, id).await.len(), 1);
}

pub async fn conflict_is_kept_and_changes_nothing(store: &LedgerRepositories) {
    let id = account(store).await;
    book(
        store,
        id,
        &[
            created("o", Side::Buy, "10"),
            filled("o", "E1", 1, "4", "2"),
        ],
    )
    .await;
    let before = (order(store, id, "o").await, all_fills(store, id).await);
    let other = filled("o", "E1", 1, "5", "2");
    let taken = created("o", Side::Buy, "11");
    let receipt = append(store, id, &[other.clone(), taken.clone()]).await;
    let first: Vec<_> = receipt.conflicts.iter().map(|it| it.first).collect();
    assert_eq!((first, receipt.sequence), (vec![2, 1], 2));
    assert_eq!(
        (order(store, id, "o").await, all_fills(store, id).await),
        before
    );
    let kept = quarantine(store, id).await;
    let kept: Vec<_> = kept.iter().map(|it| (&it.event, &it.reason)).collect();
    let reason = |first| QuarantineReason::Conflict { first };
    assert_eq!(kept, [(&other, &reason(2)), (&taken, &reason(1))]);
}

pub async fn pages_of_the_quarantine_neither_skip_nor_repeat(store: &LedgerRepositories) {
    let id = account(store).await;
    let events: Vec<_> = (0..7)
        .map(|n| filled("nobody", &format!("E{n}"), n, "1", "2"))
        .collect();
    append(store, id, &events).await;
    let all = quarantine(store, id).await;
    assert_eq!(all.len(), 7);
    for size in [1, 3, 6, 7, 8] {
        let mut query = QuarantineQuery::new(id).limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = store
                .ledger
                .quarantined(&scope(), &query)
                .await
                .expect("read");
            found.extend(page.items);
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        assert_eq!(found, all, "pages of {size}");
    }
    assert!(PageLimit::MAX.get() > all.len());
}

pub async fn closed_account_takes_reports_only(store: &LedgerRepositories) {
    let id = account(store).await;
    book(store, id, &[created("o", Side::Buy, "10")]).await;
    store.accounts.close(&scope(), id).await.expect("closed");
    let events = [
        created("p", Side::Buy, "10"),
        filled("o", "E1", 1, "4", "2"),
    ];
    let receipt = append(store, id, &events).await;
    assert_eq!(receipt.quarantined[0].reason.as_str(), "account_closed");
    assert_eq!(receipt.appended[0].index, 1);
    assert_verified(store, id).await;
}
