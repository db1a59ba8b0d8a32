//! Tests of all views for other systems: they refuse writes, and each of them is compared in a test.

use diesel::connection::SimpleConnection as _;

use crate::views_setup::{Setup, VIEWS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_are_read_only_with_rights_of_the_reader() {
    let mut setup = Setup::new().await;
    // candles and views may be created again
    let candles = tickbook::postgres::apply_aggregates(&setup.pools.timeseries()).await;
    candles.expect("candles");
    for views in VIEWS {
        setup.execute(views);
    }
    let schemas =
        "'s1_databaseschema', 's2_dual', 's3_okx', 's4_trading', 'order_manager', 'data_capture'";
    let views = setup.rows(&format!(
        "SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE relkind = 'v' AND nspname IN ({schemas}) ORDER BY 1, 2"
    ));
    assert!(views.len() >= 47, "{views:?}");
    setup.expect(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE relkind = 'v' AND (nspname LIKE 's_\\_%' OR nspname IN ('order_manager', 'data_capture') \
         OR relname = 'ledger_orders') \
         AND NOT coalesce(reloptions @> '{security_invoker=true}', false)",
        &[],
    );
    let source = concat!(
        include_str!("views.rs"),
        include_str!("views_market_data.rs"),
        include_str!("views_oversight.rs")
    );
    for view in views {
        let view = view.trim_matches(['(', ')']).replace(',', ".");
        let name = view.split_once('.').map_or("", |(_, name)| name);
        assert!(
            source.contains(&view) || source.contains(&format!("\"{name}\"")),
            "{view} is not compared"
        );
        let deleted = setup
            .connection
            .batch_execute(&format!("DELETE FROM {view}"));
        let error = deleted.expect_err(&view).to_string();
        assert!(error.contains("cannot delete from view"), "{view}: {error}");
    }
}
