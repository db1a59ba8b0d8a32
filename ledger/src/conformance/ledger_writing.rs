//! Appending events.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use super::samples::{
    account, all_fills, append, assert_invalid, assert_verified, book, client_id, create, created,
    dec, event, exec_id, filled, order, order_id, orders, positions, scope, seconds, sequences,
    terms,
};
use crate::LedgerRepositories;
use crate::domain::{
    AccountId, AccountLedger, Closing, Execution, OrderEvent, OrderEventKind, OrderStatus, Side,
};
use crate::repository::{AppendReceipt, OrderQuery, PositionQuery};

pub async fn empty_batch_does_nothing(store: &LedgerRepositories) {
    let id = account(store).await;
    assert_eq!(append(store, id, &[]).await, AppendReceipt::default());
    book(store, id, &[created("o", Side::Buy, "1")]).await;
    let expected = AppendReceipt {
        sequence: 1,
        ..AppendReceipt::default()
    };
    assert_eq!(append(store, id, &[]).await, expected);
}

pub async fn receipt_accounts_for_every_event(store: &LedgerRepositories) {
    let id = account(store).await;
    let receipt = append(
        store,
        id,
        &[
            created("o", Side::Buy, "10"),
            filled("o", "E1", 1, "1", "2"),
            filled("o", "E1", 1, "1", "2"),
            filled("o", "E1", 1, "3", "2"),
            filled("nobody", "E2", 1, "1", "2"),
            filled("o", "E3", 2, "1", "2"),
        ],
    )
    .await;
    assert_eq!((receipt.total(), receipt.sequence), (6, 3));
    let appended: Vec<_> = receipt
        .appended
        .iter()
        .map(|it| (it.index, it.sequence))
        .collect();
    assert_eq!(appended, [(0, 1), (1, 2), (5, 3)]);
    let duplicates: Vec<_> = receipt
        .duplicates
        .iter()
        .map(|it| (it.index, it.first))
        .collect();
    assert_eq!(duplicates, [(2, 2)]);
    let conflicts: Vec<_> = receipt
        .conflicts
        .iter()
        .map(|it| (it.index, it.first))
        .collect();
    assert_eq!(conflicts, [(3, 2)]);
    let refused: Vec<_> = receipt
        .quarantined
        .iter()
        .map(|it| (it.index, it.reason.as_str()))
        .collect();
    assert_eq!(refused, [(4, "unknown_order")]);
}

pub async fn events_get_numbers_without_gaps(store: &LedgerRepositories) {
    let id = account(store).await;
    for number in 0..5 {
        let name = format!("o{number}");
        let fill = filled(&name, &format!("E{number}"), number, "1", "2");
        let refused = filled("nobody", "E", 1, "1", "2");
        append(
            store,
            id,
            &[refused, created(&name, Side::Buy, "1"), fill.clone(), fill],
        )
        .await;
    }
    assert_eq!(sequences(store, id).await, Vec::from_iter(1..=10));
}

pub async fn batch_sent_again_is_all_duplicates(store: &LedgerRepositories) {
    let id = account(store).await;
    let events = [
        created("o", Side::Buy, "10").with_client_order_id(client_id("X")),
        event("o", OrderEventKind::Submitted),
        event("o", OrderEventKind::Acknowledged(None)).with_exec_id(exec_id("E1")),
        filled("o", "E2", 1, "4", "2"),
        event("o", OrderEventKind::CancelRequested).with_client_order_id(client_id("Y")),
        event("o", OrderEventKind::Canceled).with_exec_id(exec_id("E3")),
    ];
    book(store, id, &events).await;
    let before = (order(store, id, "o").await, all_fills(store, id).await);
    let receipt = append(store, id, &events).await;
    let first: Vec<_> = receipt.duplicates.iter().map(|it| it.first).collect();
    assert_eq!(first, [1, 2, 3, 4, 5, 6]);
    assert_eq!(receipt.sequence, 6);
    assert_eq!(
        (order(store, id, "o").await, all_fills(store, id).await),
        before
    );
}

pub async fn duplicates_within_a_batch_are_booked_once(store: &LedgerRepositories) {
    let id = account(store).await;
    let fill = filled("o", "E1", 1, "4", "2");
    let events = [
        created("o", Side::Buy, "10"),
        fill.clone(),
        fill.clone(),
        fill,
    ];
    let receipt = append(store, id, &events).await;
    assert_eq!((receipt.appended.len(), receipt.duplicates.len()), (2, 2));
    assert_eq!(order(store, id, "o").await.executed(), dec("4"));
}

pub async fn repeated_fill_that_closes_is_in_the_journal(store: &LedgerRepositories) {
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
    let execution = Execution::new(dec("4"), dec("2")).with_closing(Closing::Canceled);
    let again = event("o", OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(exec_id("E1"))
        .at(seconds(1));
    let receipt = append(store, id, &[again.clone(), again]).await;
    let closing: Vec<_> = receipt.duplicates.iter().map(|it| it.closing).collect();
    assert_eq!((closing, receipt.sequence), (vec![Some(3), None], 3));
    let order = order(store, id, "o").await;
    assert_eq!(
        (order.status(), order.executed()),
        (OrderStatus::Canceled, dec("4"))
    );
    assert_verified(store, id).await;
}

pub async fn unexpected_sequence_books_nothing(store: &LedgerRepositories) {
    let id = account(store).await;
    book(store, id, &[created("o", Side::Buy, "10")]).await;
    let events = [filled("o", "E1", 1, "4", "2")];
    for expected in [0, 2, -1] {
        let refused = store
            .ledger
            .append(&scope(), id, &events, Some(expected))
            .await;
        assert_invalid(refused);
    }
    assert_eq!(sequences(store, id).await, [1]);
    let receipt = store.ledger.append(&scope(), id, &events, Some(1)).await;
    assert_eq!(receipt.expect("as expected").sequence, 2);
}

pub async fn accounts_do_not_share_events(store: &LedgerRepositories) {
    let first = account(store).await;
    let second = create(store, terms("second")).await.account_id;
    let events = [
        created("o", Side::Buy, "10"),
        filled("o", "E1", 1, "4", "2"),
    ];
    book(store, first, &events).await;
    assert_eq!(all_fills(store, second).await, []);
    // the same ids are others in another account
    let other = [
        created("o", Side::Sell, "5"),
        filled("o", "E1", 2, "1", "3"),
    ];
    book(store, second, &other).await;
    assert_eq!(sequences(store, second).await, [1, 2]);
    assert_eq!(order(store, first, "o").await.executed(), dec("4"));
    assert_eq!(order(store, second, "o").await.executed(), dec("1"));
    let found = positions(store, &PositionQuery::new(second)).await;
    assert_eq!(found[0].position.quantity, dec("-1"));
}

/// Appends each batch in a task of its own.
async fn append_at_once(
    store: &LedgerRepositories,
    id: AccountId,
    batches: Vec<Vec<OrderEvent>>,
) -> Vec<AppendReceipt> {
    let tasks: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let ledger = store.ledger.clone();
            tokio::spawn(async move { ledger.append(&scope(), id, &batch, None).await })
        })
        .collect();
    let mut receipts = Vec::new();
    for task in tasks {
        receipts.push(task.await.expect("no panic").expect("appended"));
    }
    receipts
}

pub async fn writers_of_one_account_leave_no_gap(store: &LedgerRepositories) {
    let id = account(store).await;
    let batch = |writer: usize| {
        let name = format!("o{writer}");
        let fills = (0..9).map(|n| filled(&name, &format!("E{writer}-{n}"), n, "1", "2"));
        std::iter::once(created(&name, Side::Buy, "9"))
            .chain(fills)
            .collect()
    };
    let receipts = append_at_once(store, id, (0..8).map(batch).collect()).await;
    let numbers: BTreeSet<_> = receipts
        .iter()
        .flat_map(|receipt| receipt.appended.iter().map(|it| it.sequence))
        .collect();
    assert_eq!(numbers, BTreeSet::from_iter(1..=80));
    assert_eq!(sequences(store, id).await, Vec::from_iter(1..=80));
    let found = positions(store, &PositionQuery::new(id)).await;
    assert_eq!(found[0].position.quantity, dec("72"));
    assert_verified(store, id).await;
}

pub async fn writers_of_the_same_events_book_each_once(store: &LedgerRepositories) {
    let id = account(store).await;
    let fills = (0..20).map(|n| filled("o", &format!("E{n}"), n, "1", "2"));
    let batch: Vec<_> = std::iter::once(created("o", Side::Buy, "20"))
        .chain(fills)
        .collect();
    let receipts = append_at_once(store, id, vec![batch; 6]).await;
    let appended: usize = receipts.iter().map(|it| it.appended.len()).sum();
    let duplicates: usize = receipts.iter().map(|it| it.duplicates.len()).sum();
    assert_eq!((appended, duplicates), (21, 105));
    assert_eq!(order(store, id, "o").await.executed(), dec("20"));
    assert_verified(store, id).await;
}

pub async fn overfills_and_adjustments_are_in_the_receipt(store: &LedgerRepositories) {
    let id = account(store).await;
    let receipt = book(
        store,
        id,
        &[
            created("o", Side::Buy, "2"),
            created("s", Side::Sell, "1"),
            filled("o", "E1", 1, "1", "100"),
            filled("s", "E3", 3, "1", "120"),
        ],
    )
    .await;
    assert_eq!((receipt.overfills, receipt.adjusted), (vec![], vec![]));
    let receipt = book(store, id, &[filled("o", "E2", 2, "3", "110")]).await;
    let overfill = &receipt.overfills[0];
    assert_eq!(
        (&overfill.order_id, overfill.quantity),
        (&order_id("o"), dec("2"))
    );
    let adjusted = &receipt.adjusted[0];
    let realized = (
        adjusted.before.realized.to_string(),
        adjusted.after.realized.to_string(),
    );
    assert_eq!(realized, ("20".to_owned(), "12.5".to_owned()));
    assert_eq!(
        positions(store, &PositionQuery::new(id)).await[0].position,
        adjusted.after
    );
}

pub async fn cancelled_append_is_booked_whole_or_not_at_all(store: &LedgerRepositories) {
    let id = account(store).await;
    let scope = scope();
    let mut whole = 0;
    for round in 0..20_u32 {
        let name = format!("o{round}");
        let fills = (0..20).map(|n| filled(&name, &format!("E{round}-{n}"), n, "1", "2"));
        let batch: Vec<_> = std::iter::once(created(&name, Side::Buy, "20"))
            .chain(fills)
            .collect();
        let limit = Duration::from_micros(u64::from(round) * 200);
        let append = store.ledger.append(&scope, id, &batch, None);
        // the future is dropped at the end of the time
        drop(tokio::time::timeout(limit, append).await);
        // sent again, the batch is new as a whole or known as a whole
        let receipt = super::samples::append(store, id, &batch).await;
        let counts = (receipt.appended.len(), receipt.duplicates.len());
        assert!([(21, 0), (0, 21)].contains(&counts), "{counts:?}");
        whole += counts.0 + counts.1;
    }
    assert_eq!(sequences(store, id).await.len(), whole);
    assert_verified(store, id).await;
}

/// A random event of one of a few orders.
fn random_event(random: &mut Rng, number: usize) -> OrderEvent {
    let name = format!("o{}", random.u8(..5));
    let exec = format!("E{number}");
    let earlier = || format!("E{}", number / 2);
    let side = match name.as_str() {
        "o0" | "o2" | "o4" => Side::Buy,
        _ => Side::Sell,
    };
    let request = |kind| event(&name, kind).with_client_order_id(client_id(&format!("{name}-r")));
    match random.u8(..14) {
        0 => created(&name, side, "40"),
        1 => event(&name, OrderEventKind::Acknowledged(None)).with_exec_id(exec_id(&exec)),
        2 => request(OrderEventKind::CancelPending).with_exec_id(exec_id(&exec)),
        3 => request(OrderEventKind::RequestRejected),
        4 if random.u8(..4) == 0 => {
            event(&name, OrderEventKind::Canceled).with_exec_id(exec_id(&exec))
        }
        5 => super::samples::busted(&name, &exec, &earlier()),
        6 => filled(&name, &earlier(), 5, "1", "2"),
        _ => {
            let quantity = format!("{}.{}", 1 + random.u8(..9), random.u8(..10));
            let price = format!("{}", i32::from(random.i16(-100..900)));
            filled(&name, &exec, i64::from(random.u8(..60)), &quantity, &price)
        }
    }
}

pub async fn random_scripts_equal_the_fold(store: &LedgerRepositories) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let account = create(store, terms("main")).await;
    let id = account.account_id;
    let mut expected = AccountLedger::new(&account);
    let mut events: Vec<OrderEvent> = (0..200).map(|n| random_event(&mut random, n)).collect();
    // some arrive again
    for _ in 0..40 {
        let again = events[random.usize(..events.len())].clone();
        events.insert(random.usize(..events.len()), again);
    }
    let mut rest = &events[..];
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(random.usize(1..=rest.len().min(30)));
        rest = later;
        let receipt = append(store, id, batch).await;
        let mut folded = AppendReceipt::default();
        for (index, event) in batch.iter().enumerate() {
            folded.add(index, &expected.apply(event, seconds(0)));
        }
        folded.sequence = expected.sequence();
        assert_eq!(receipt, folded);
    }
    let found = orders(store, &OrderQuery::new(id)).await;
    assert_eq!(found.len(), expected.orders().count());
    for mut order in found {
        // the clock of the store
        (order.created_at, order.updated_at) = (seconds(0), seconds(0));
        assert_eq!(Some(&order), expected.order(&order.order_id));
    }
    let fills = all_fills(store, id).await;
    assert_eq!(fills.len(), expected.fills().count());
    for fill in fills {
        assert_eq!(Some(&fill), expected.fill(&fill.fill_id));
    }
    let found = positions(store, &PositionQuery::new(id)).await;
    let found: Vec<_> = found
        .iter()
        .map(|entry| (&entry.key, &entry.position))
        .collect();
    assert_eq!(found, Vec::from_iter(expected.positions()));
    assert_verified(store, id).await;
}
