//! The macro that generates a test for each behaviour of the outbox and the order history.

/// Generates one `#[tokio::test]` for every behaviour of the outbox and the order history.
///
/// `fixture` is an `async fn() -> RelaySubject` that creates an empty store. Each test calls it once. The caller's crate
/// needs tokio with the features `macros` and `rt-multi-thread`.
///
/// ```no_run
/// use std::sync::Arc;
/// use tickbook_ledger::conformance::RelaySubject;
/// use tickbook_ledger::memory::InMemoryLedger;
/// use tickbook_ledger::{LedgerRepositories, RelayRepositories};
///
/// async fn fixture() -> RelaySubject {
///     let store = InMemoryLedger::new();
///     let ledger = LedgerRepositories::new(Arc::new(store.clone()), Arc::new(store.clone()));
///     RelaySubject::new(ledger, RelayRepositories::in_memory(&store))
/// }
///
/// tickbook_ledger::relay_conformance_tests!(fixture);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! relay_conformance_tests {
    ($fixture:ident) => {
        $crate::relay_conformance_tests! { $fixture:
            relay_outbox {
                each_append_adds_one_entry
                append_that_books_nothing_adds_none
                entries_are_ordered_and_limited
                trimmed_entries_do_not_come_back
                events_have_the_position_after_them
                events_are_those_of_the_journal
                events_of_ranges_come_once_and_sorted
                heads_are_the_last_numbers_of_accounts
            }
            relay_history {
                written_events_read_back
                fills_and_positions_read_back
                events_written_again_are_duplicates
                cursors_are_set_with_events
                number_of_another_booking_is_another_event
                histories_of_accounts_are_apart
                history_is_found_by_time
                pages_of_the_history_neither_skip_nor_repeat
            }
        }
    };
    ($fixture:ident: $($file:ident { $($behaviour:ident)+ })+) => {
        $(mod $file {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let subject = super::$fixture().await;
                    $crate::conformance::$file::$behaviour(&subject).await;
                }
            )+
        })+
    };
}
