//! Reading positions.

use super::samples::{
    OTHER_SYMBOL, SYMBOL, account, all_fills, append, book, busted, create, created, created_with,
    dec, event, exec_id, filled, in_symbol, limit, market, order, positions, scope, seconds, terms,
};
use crate::LedgerRepositories;
use crate::domain::{
    Closing, CostMethod, Currency, Execution, Fee, OrderEventKind, PositionKey, PositionMode, Side,
    StrategyId,
};
use crate::repository::PositionQuery;

const STRATEGY: StrategyId = StrategyId::new(3);

pub async fn positions_are_listed_by_key(store: &LedgerRepositories) {
    let id = account(store).await;
    let of_strategy = market(Side::Sell, "10").with_strategy(STRATEGY);
    let events = [
        created_with("s", of_strategy),
        in_symbol("p", OTHER_SYMBOL),
        created("o", Side::Buy, "10"),
        created("c", Side::Sell, "10"),
        filled("s", "E1", 1, "1", "2"),
        filled("p", "E2", 2, "2", "2"),
        filled("o", "E3", 3, "3", "2"),
        filled("c", "E4", 4, "3", "4"),
    ];
    book(store, id, &events).await;
    let keys = [
        PositionKey::new(None, SYMBOL, "net"),
        PositionKey::new(None, OTHER_SYMBOL, "net"),
        PositionKey::new(Some(STRATEGY), SYMBOL, "net"),
    ];
    let quantities = ["0", "2", "-1"].map(dec);
    let query = || PositionQuery::new(id);
    let found = positions(store, &query()).await;
    let found: Vec<_> = found
        .iter()
        .map(|it| (&it.key, it.position.quantity))
        .collect();
    assert_eq!(found, Vec::from_iter(keys.iter().zip(quantities)));
    let found = async |query: PositionQuery| -> Vec<PositionKey> {
        let found = positions(store, &query).await;
        found.into_iter().map(|entry| entry.key).collect()
    };
    assert_eq!(found(query().open(true)).await, keys[1..]);
    assert_eq!(found(query().open(false)).await, keys[..1]);
    assert_eq!(
        found(query().symbol_id(SYMBOL)).await,
        [keys[0].clone(), keys[2].clone()]
    );
    // pages
    let mut query = query().limit(limit(1));
    let mut paged = Vec::new();
    loop {
        let page = store
            .ledger
            .positions(&scope(), &query)
            .await
            .expect("read");
        paged.extend(page.items.into_iter().map(|entry| entry.key));
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    assert_eq!(paged, keys);
}

pub async fn positions_as_of_a_time_leave_out_later_fills(store: &LedgerRepositories) {
    let id = account(store).await;
    let events = [
        created("o", Side::Buy, "10"),
        created("s", Side::Sell, "10"),
        filled("o", "E1", 1, "4", "2"),
        filled("s", "E3", 3, "1", "5"),
        filled("o", "E2", 2, "4", "4"),
        filled("o", "E4", 4, "1", "9"),
        busted("o", "E5", "E4"),
    ];
    book(store, id, &events).await;
    let as_of = async |time| positions(store, &PositionQuery::new(id).as_of(seconds(time))).await;
    assert_eq!(as_of(0).await, []);
    let found = as_of(1).await;
    assert_eq!(
        (
            found[0].position.quantity,
            found[0].position.realized.to_string()
        ),
        (dec("4"), "0".into())
    );
    let found = as_of(2).await;
    assert_eq!(found[0].position.open_cost.to_string(), "24");
    let found = as_of(3).await;
    assert_eq!(
        (
            found[0].position.quantity,
            found[0].position.realized.to_string()
        ),
        (dec("7"), "2".into())
    );
    assert_eq!(
        as_of(9).await,
        positions(store, &PositionQuery::new(id)).await
    );
    let open = PositionQuery::new(id).as_of(seconds(9)).open(false);
    assert_eq!(positions(store, &open).await, []);
}

pub async fn busted_fill_leaves_a_flat_position(store: &LedgerRepositories) {
    let id = account(store).await;
    let fee = Fee::new(dec("0.5"), Currency::new("BNB").expect("an id"));
    let execution = Execution::new(dec("4"), dec("2")).with_fee(fee);
    let fill = event("o", OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(exec_id("E1"))
        .at(seconds(1));
    book(store, id, &[created("o", Side::Buy, "10"), fill]).await;
    let found = positions(store, &PositionQuery::new(id)).await;
    assert_eq!(
        (found[0].position.quantity, found[0].position.fees.len()),
        (dec("4"), 1)
    );
    book(store, id, &[busted("o", "E2", "E1")]).await;
    let found = positions(store, &PositionQuery::new(id)).await;
    assert_eq!(found[0].position, crate::domain::Position::default());
    assert!(all_fills(store, id).await[0].is_busted);
    assert_eq!(order(store, id, "o").await.executed(), dec("0"));
}

pub async fn hedging_account_has_several_positions(store: &LedgerRepositories) {
    let terms = terms("hedging").position_mode(PositionMode::Hedging);
    let id = create(store, terms).await.account_id;
    let events = [
        created("long", Side::Buy, "10"),
        created("short", Side::Sell, "10"),
        created_with("cover", market(Side::Buy, "10").reduce_only()),
        filled("long", "E1", 1, "4", "2"),
        filled("short", "E2", 2, "3", "5"),
        filled("cover", "E3", 3, "1", "4"),
    ];
    book(store, id, &events).await;
    let found = positions(store, &PositionQuery::new(id)).await;
    let found: Vec<_> = found
        .iter()
        .map(|it| {
            (
                &*it.key.name,
                it.position.quantity,
                it.position.realized.to_string(),
            )
        })
        .collect();
    let expected = [
        ("long", dec("4"), "0".to_owned()),
        ("short", dec("-2"), "1".to_owned()),
    ];
    assert_eq!(found, expected);
}

pub async fn cost_methods_give_their_own_profit(store: &LedgerRepositories) {
    for (method, realized, lots) in [
        (CostMethod::Average, "3", 0),
        (CostMethod::Fifo, "4", 1),
        (CostMethod::Lifo, "2", 1),
    ] {
        let terms = terms(method.as_str()).cost_method(method);
        let id = create(store, terms).await.account_id;
        let events = [
            created("o", Side::Buy, "10"),
            created("s", Side::Sell, "10"),
            filled("o", "E1", 1, "1", "2"),
            filled("o", "E2", 2, "1", "4"),
            filled("s", "E3", 3, "1", "6"),
        ];
        book(store, id, &events).await;
        let found = positions(store, &PositionQuery::new(id)).await;
        let position = &found[0].position;
        assert_eq!(position.realized.to_string(), realized, "{method}");
        assert_eq!(position.lots.len(), lots, "{method}");
    }
}

pub async fn receipt_has_the_state_after_each_event(store: &LedgerRepositories) {
    let id = account(store).await;
    let execution = Execution::new(dec("4"), dec("2")).with_closing(Closing::Canceled);
    let closing = event("o", OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(exec_id("E2"))
        .at(seconds(2));
    let events = [
        created("o", Side::Buy, "10"),
        filled("nobody", "E9", 1, "1", "2"),
        filled("o", "E1", 1, "1", "3"),
        filled("o", "E2", 2, "4", "2"),
        filled("o", "E2", 2, "4", "2"),
        closing,
        busted("o", "E3", "E1"),
    ];
    let receipt = append(store, id, &events).await;
    let states: Vec<_> = receipt
        .effects
        .iter()
        .map(|booked| {
            let effect = &booked.effect;
            let position = effect.position.as_ref();
            let position =
                position.map(|it| (it.position.quantity, it.position.open_cost.to_string()));
            (
                booked.sequence,
                effect.status.as_str(),
                effect.executed,
                effect.leaves,
                position,
            )
        })
        .collect();
    let position = |quantity: &str, cost: &str| Some((dec(quantity), cost.to_owned()));
    let expected = [
        (1, "pending_new", dec("0"), dec("10"), None),
        (
            2,
            "partially_filled",
            dec("1"),
            dec("9"),
            position("1", "3"),
        ),
        (
            3,
            "partially_filled",
            dec("5"),
            dec("5"),
            position("5", "11"),
        ),
        // the closing of the repeated fill
        (4, "canceled", dec("5"), dec("0"), None),
        (5, "canceled", dec("4"), dec("0"), position("4", "8")),
    ];
    assert_eq!(states, expected);
    let key = PositionKey::new(None, SYMBOL, "net");
    let changed = receipt.effects[4].effect.position.as_ref();
    assert_eq!(changed.map(|it| &it.key), Some(&key));
    let found = positions(store, &PositionQuery::new(id)).await;
    assert_eq!(changed.map(|it| &it.position), Some(&found[0].position));
}
