//! Tests of the views for other systems: the rows of each view are those that were appended.

use tickbook::Repositories;
use tickbook::domain::{NewSymbol, SymbolId};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{
    AccountId, AccountScope, Currency, Environment, Execution, Fee, NewAccount, OrderEvent,
    OrderEventKind, OrderTerms, Side, StrategyId, TenantId, Venue, VenueOrderId,
};
use tickbook_ledger::relay::{Relay, RelayRepositories};

use crate::samples::{client_id, dec, event, exec_id, filled, seconds};
use crate::views_setup::Setup;

async fn account(ledger: &LedgerRepositories, name: &str, environment: Environment) -> AccountId {
    let (venue, usd) = (Venue::new("V").expect("an id"), Currency::new("USD"));
    let terms = NewAccount::new(
        TenantId::new(1),
        name,
        venue,
        environment,
        usd.expect("an id"),
    );
    let account = ledger.accounts.create(&AccountScope::all(), terms).await;
    account.expect("a new account").account_id
}

async fn append(ledger: &LedgerRepositories, id: AccountId, events: &[OrderEvent]) {
    let receipt = ledger
        .ledger
        .append(&AccountScope::all(), id, events, None)
        .await;
    let receipt = receipt.expect("appended");
    assert_eq!(receipt.appended.len(), events.len(), "{receipt:?}");
}

fn created(order: &str, terms: OrderTerms) -> OrderEvent {
    event(order, OrderEventKind::Created(Box::new(terms)))
}

/// Orders of every kind that the schemas distinguish, in the symbol.
fn events(symbol: SymbolId) -> Vec<OrderEvent> {
    let strategy = StrategyId::new(3);
    let mut limit =
        OrderTerms::limit(symbol, Side::Buy, dec("10"), dec("100")).with_strategy(strategy);
    limit.arrival_price = Some(dec("80"));
    let fee = Fee::new(dec("0.2"), Currency::new("USD").expect("an id"));
    let execution = Execution::new(dec("4"), dec("99.5")).with_fee(fee);
    let with_fee = event("o1", OrderEventKind::Filled(Box::new(execution)))
        .with_exec_id(exec_id("E1"))
        .at(seconds(1));
    let mut acknowledged = event("o1", OrderEventKind::Acknowledged(None));
    acknowledged.venue_order_id = VenueOrderId::new("V1").ok();
    let market = OrderTerms::market(symbol, Side::Sell, dec("4")).with_strategy(strategy);
    let stop = OrderTerms::market(symbol, Side::Sell, dec("1")).with_stop_price(dec("90"));
    let mut rejected = event("o3", OrderEventKind::Rejected);
    rejected.reason = Some("no money".to_owned());
    vec![
        created("o1", limit).with_client_order_id(client_id("c1")),
        event("o1", OrderEventKind::Submitted),
        acknowledged,
        with_fee,
        filled("o1", "E2", 2, "6", "100"),
        created("o2", market),
        filled("o2", "E3", 3, "4", "110"),
        created("o3", OrderTerms::market(symbol, Side::Buy, dec("7"))),
        rejected,
        created("o4", stop),
        event("o4", OrderEventKind::Acknowledged(None)),
        event("o4", OrderEventKind::Canceled),
    ]
}

/// A database with orders of a live account and of a simulated one, and their copies.
async fn filled_database() -> Setup {
    let setup = Setup::new().await;
    let repositories = Repositories::postgres(&setup.pools);
    let symbol = NewSymbol::named("b3", "PETR4");
    let symbol = repositories.symbols.create(symbol).await.expect("created");
    assert_eq!(symbol.symbol_id, SymbolId::new(1));
    let ledger = LedgerRepositories::postgres(setup.pools.metadata());
    let live = account(&ledger, "main", Environment::Live).await;
    append(&ledger, live, &events(symbol.symbol_id)).await;
    let simulated = account(&ledger, "test", Environment::Simulation).await;
    let buy = OrderTerms::market(symbol.symbol_id, Side::Buy, dec("2"));
    let sell = OrderTerms::limit(symbol.symbol_id, Side::Sell, dec("2"), dec("5"));
    let fill = filled("s1", "E1", 1, "2", "3");
    append(
        &ledger,
        simulated,
        &[created("s1", buy), fill, created("s2", sell)],
    )
    .await;
    let relay = Relay::new(RelayRepositories::postgres(&setup.pools));
    let found = relay.reconcile().await.expect("copied");
    assert_eq!(found.copied.inserted, 15);
    setup
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_live_and_simulated_orders_are_apart() {
    let mut setup = filled_database().await;
    let orders = |view: &str| {
        format!(
            "SELECT order_id, security_id, price, quantity, order_type, status, account_id \
             FROM s1_databaseschema.{view} ORDER BY order_id"
        )
    };
    setup.expect(
        &orders("buy_orders"),
        &[
            "(o1,1,100.000000000000,10.000000000000,LIMIT,FILLED,1)",
            "(o3,1,,7.000000000000,MARKET,CANCELLED,1)",
        ],
    );
    setup.expect(
        &orders("sell_orders"),
        &[
            "(o2,1,,4.000000000000,MARKET,FILLED,1)",
            "(o4,1,90.000000000000,1.000000000000,STOP,CANCELLED,1)",
        ],
    );
    setup.expect(
        &orders("sim_buy_orders"),
        &["(s1,1,,2.000000000000,MARKET,FILLED,2)"],
    );
    setup.expect(
        &orders("sim_sell_orders"),
        &["(s2,1,5.000000000000,2.000000000000,LIMIT,PENDING,2)"],
    );
    setup.expect(
        "SELECT count(*), bool_or(is_simulated) FROM s1_databaseschema.all_orders",
        &["(6,t)"],
    );
    let trades = |view: &str| {
        format!(
            "SELECT price, quantity, side, execution_id, buyer_order_id, seller_order_id \
             FROM s1_databaseschema.{view} ORDER BY \"timestamp\""
        )
    };
    setup.expect(
        &trades("trades"),
        &[
            "(99.500000000000,4.000000000000,BUY,E1,o1,)",
            "(100.000000000000,6.000000000000,BUY,E2,o1,)",
            "(110.000000000000,4.000000000000,SELL,E3,,o2)",
        ],
    );
    setup.expect(
        &trades("sim_trades"),
        &["(3.000000000000,2.000000000000,BUY,E1,s1,)"],
    );
    setup.expect(
        "SELECT count(*) FROM s1_databaseschema.all_trades",
        &["(4)"],
    );
    setup.expect(
        "SELECT account_id, security_id, quantity, average_price, updated_at IS NOT NULL \
         FROM s1_databaseschema.positions ORDER BY account_id",
        &[
            "(1,1,6.000000000000,99.800000000000,t)",
            "(2,1,2.000000000000,3.000000000000,t)",
        ],
    );
    setup.expect(
        "SELECT strategy_id, order_id, quantity, average_price, slippage \
         FROM s1_databaseschema.strategy_orders ORDER BY order_id",
        &[
            "(3,o1,10.000000000000,99.800000000000,19.800000000000)",
            "(3,o2,4.000000000000,110.000000000000,)",
        ],
    );
    setup.expect(
        "SELECT account_id, sequence, quantity, average_price, realized_pnl::numeric(20,2) \
         FROM s1_databaseschema.position_history ORDER BY account_id, sequence",
        &[
            "(1,4,4.000000000000,99.500000000000,0.00)",
            "(1,5,10.000000000000,99.800000000000,0.00)",
            "(1,7,6.000000000000,99.800000000000,40.80)",
            "(2,2,2.000000000000,3.000000000000,0.00)",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_the_other_schemas_have_the_rows() {
    let mut setup = filled_database().await;
    setup.expect(
        "SELECT id, okx_order_id, client_order_id, side, avg_fill_price, filled_quantity, commission, \
         commission_asset, slippage_bps::numeric(10,2) AS slippage, status, reject_reason, \
         submitted_at IS NOT NULL AS sent, first_fill_at IS NOT NULL AS hit, completed_at IS NOT NULL AS done \
         FROM s3_okx.trades WHERE account_id = 1 ORDER BY id",
        &[
            "(o1,V1,c1,buy,99.800000000000,10.000000000000,0.200000000000,USD,2475.00,filled,,t,t,t)",
            "(o2,,,sell,110.000000000000,4.000000000000,,,,filled,,f,t,t)",
            "(o3,,,buy,,0.000000000000,,,,rejected,\"no money\",f,f,t)",
            "(o4,,,sell,,0.000000000000,,,,cancelled,,f,f,t)",
        ],
    );
    setup.expect(
        "SELECT strategy_id, symbol, side, quantity, avg_entry_price, realized_pnl::numeric(20,2), \
         current_price, margin FROM s3_okx.positions ORDER BY account_id",
        &[
            "(3,PETR4,long,6.000000000000,99.800000000000,40.80,,)",
            "(,PETR4,long,2.000000000000,3.000000000000,0.00,,)",
        ],
    );
    setup.expect(
        "SELECT id, strategy_id, order_type, order_kind, current_status, broker_order_id, filled_quantity, \
         executed_at IS NOT NULL AS hit, cancelled_at IS NOT NULL AS canceled \
         FROM s4_trading.orders WHERE account_id = 1 ORDER BY id",
        &[
            "(o1,3,BUY,LIMIT,FILLED,V1,10.000000000000,t,f)",
            "(o2,3,SELL,MARKET,FILLED,,4.000000000000,t,f)",
            "(o3,,BUY,MARKET,REJECTED,,0.000000000000,f,f)",
            "(o4,,SELL,SL-M,CANCELLED,,0.000000000000,f,t)",
        ],
    );
    setup.expect(
        "SELECT id, order_id, status, details -> 'reason' AS reason \
         FROM s4_trading.order_history WHERE account_id = 1 AND order_id IN ('o3', 'o4') \
         ORDER BY \"timestamp\", length(id), id",
        &[
            "(1-8,o3,PENDING,)",
            "(1-9,o3,REJECTED,\"\"\"no money\"\"\")",
            "(1-10,o4,PENDING,)",
            "(1-11,o4,OPEN,)",
            "(1-12,o4,CANCELLED,)",
        ],
    );
    setup.expect(
        "SELECT id, strategy_id, quantity, average_entry_price, realized_pnl::numeric(20,2), status, closed_at \
         FROM s4_trading.positions ORDER BY account_id",
        &[
            "(1-3-1-net,3,6.000000000000,99.800000000000,40.80,OPEN,)",
            "(2-0-1-net,,2.000000000000,3.000000000000,0.00,OPEN,)",
        ],
    );
    setup.expect(
        "SELECT order_ref, symbol, exchange, asset_class, side, order_type, price, status, created_by \
         FROM order_manager.orders WHERE account_id = 1 ORDER BY order_ref",
        &[
            "(o1,PETR4,b3,,BUY,LIMIT,100.000000000000,FILLED,main)",
            "(o2,PETR4,b3,,SELL,MARKET,,FILLED,main)",
            "(o3,PETR4,b3,,BUY,MARKET,,REJECTED,main)",
            "(o4,PETR4,b3,,SELL,STOP,90.000000000000,CANCELED,main)",
        ],
    );
    setup.expect(
        "SELECT trade_ref, order_ref, symbol, side, quantity, price, fee, fee_currency \
         FROM order_manager.trades WHERE account_id = 1 ORDER BY executed_at",
        &[
            "(E1,o1,PETR4,BUY,4.000000000000,99.500000000000,0.200000000000,USD)",
            "(E2,o1,PETR4,BUY,6.000000000000,100.000000000000,,)",
            "(E3,o2,PETR4,SELL,4.000000000000,110.000000000000,,)",
        ],
    );
    setup.expect(
        "SELECT account_id, strategy_id, symbol_id, position_name, sequence, quantity \
         FROM order_manager.position_history ORDER BY account_id, sequence",
        &[
            "(1,3,1,net,4,4.000000000000)",
            "(1,3,1,net,5,10.000000000000)",
            "(1,3,1,net,7,6.000000000000)",
            "(2,,1,net,2,2.000000000000)",
        ],
    );
    setup.expect(
        "SELECT sequence, order_ref, action, venue, details -> 'order_id' AS named \
         FROM order_manager.order_audit_log WHERE account_id = 2 ORDER BY sequence",
        &[
            "(1,s1,CREATED,V,\"\"\"s1\"\"\")",
            "(2,s1,FILLED,V,\"\"\"s1\"\"\")",
            "(3,s2,CREATED,V,\"\"\"s2\"\"\")",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn performance_views_sum_closed_parts_by_day() {
    let mut setup = filled_database().await;
    let daily = "SELECT strategy_id, date - current_date AS day, total_trades, winning_trades, losing_trades, \
                 total_pnl::numeric(20,2) FROM s3_okx.strategy_performance_daily ORDER BY account_id";
    let rows = setup.rows(daily);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].ends_with(",1,1,0,40.80)"), "{rows:?}");
    setup.execute(
        "INSERT INTO position_history SELECT 7, 1, made.at, made.sequence, 9, 'net', 1, 1, made.realized, made.at \
         FROM (VALUES (timestamptz '2026-01-05 23:00Z', 1, 10), ('2026-01-06 00:00Z', 2, 4), \
         ('2026-01-06 01:00Z', 3, 4), ('2026-01-06 02:00Z', 4, 24)) AS made (at, sequence, realized)",
    );
    setup.expect(
        "SELECT strategy_id, date, total_trades, winning_trades, losing_trades, total_pnl::numeric(20,2) \
         FROM s3_okx.strategy_performance_daily WHERE account_id = 7 ORDER BY date",
        &["(9,2026-01-05,1,1,0,10.00)", "(9,2026-01-06,2,1,1,14.00)"],
    );
    setup.expect(
        "SELECT date, win_rate::numeric(9,2) AS rate, avg_win::numeric(9,2) AS win, \
         avg_loss::numeric(9,2) AS loss, profit_factor::numeric(9,4) AS factor, sharpe_ratio \
         FROM s3_okx.strategy_performance WHERE account_id = 7 ORDER BY date",
        &[
            "(2026-01-05,1.00,10.00,,,)",
            "(2026-01-06,0.50,20.00,-6.00,3.3333,)",
        ],
    );
}
