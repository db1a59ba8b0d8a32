//! Tests of values in a table that no tick can have, written by another program.

use tickbook::RepositoryError;
use tickbook::domain::TimeRange;
use tickbook::repository::TickQuery;

use crate::fault::Fault;
use crate::site::GatedSite;
use crate::support::migrated_schema::SYMBOL;
use crate::support::oracle::ask;

#[tokio::test(flavor = "multi_thread")]
async fn fault_40_values_that_no_tick_can_have() {
    let _fault = Fault::begin("fault_40_values_that_no_tick_can_have");
    let site = GatedSite::new(40, |_| ()).await;
    let url = site.ticks_url();
    ask(
        url,
        "ALTER TABLE ticks DROP CONSTRAINT ticks_prices_numbers",
    );
    ask(url, "ALTER TABLE ticks ALTER ask_price TYPE numeric");
    for value in [
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
        "1e40",
        "1e-40",
        "0.00000000000000000000000000000012345",
    ] {
        ask(url, "TRUNCATE ticks");
        ask(
            url,
            &format!(
                "INSERT INTO ticks VALUES (7, '2014-05-01 00:00:00+00', 3, 1, {value}, 0, 0, NULL)"
            ),
        );
        let query = TickQuery::new(SYMBOL, TimeRange::all());
        let error = site.repositories.ticks.range(&query).await;
        let error = error.expect_err(value);
        let text = error.to_string();
        assert!(
            matches!(error, RepositoryError::Data { .. }),
            "{value}: {error:?}"
        );
        for part in ["symbol 7", "2014-05-01", "ask_price"] {
            assert!(text.contains(part), "{value}: {text}");
        }
    }
    ask(
        url,
        "ALTER TABLE ticks DROP CONSTRAINT ticks_received_at_range",
    );
    for (value, said) in [
        ("infinity", "infinity is not a time"),
        ("-infinity", "-infinity is not a time"),
        (
            "294276-12-31 23:59:59.999999+00",
            "the time is out of range",
        ),
    ] {
        ask(url, "TRUNCATE ticks");
        for (second, received) in [(0, "NULL"), (1, &format!("'{value}'")), (2, "NULL")] {
            ask(
                url,
                &format!(
                    "INSERT INTO ticks VALUES (7, '2014-05-01 00:00:0{second}+00', 3, 1, 2, 0, 0, \
                     {received})"
                ),
            );
        }
        let repository = &site.repositories.ticks;
        let query = TickQuery::new(SYMBOL, TimeRange::all());
        let error = repository.range(&query).await.expect_err(value);
        assert!(
            matches!(error, RepositoryError::Data { .. }),
            "{value}: {error:?}"
        );
        let text = error.to_string();
        for part in ["symbol 7", "2014-05-01 00:00:01", "received_at", said] {
            assert!(text.contains(part), "{value}: {text}");
        }
        // other rows can be read
        let latest = repository.latest(SYMBOL).await.expect("another row");
        assert_eq!(latest.map(|tick| tick.sequence), Some(3));
    }
}
