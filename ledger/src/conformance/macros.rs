//! The macro that generates a test for each behaviour.

/// Generates one `#[tokio::test]` for every behaviour of the suite.
///
/// `fixture` is an `async fn() -> Subject` that creates an empty store. Each test calls it once. The caller's crate needs
/// tokio with the features `macros` and `rt-multi-thread`.
///
/// ```no_run
/// use tickbook_ledger::LedgerRepositories;
/// use tickbook_ledger::conformance::Subject;
///
/// async fn fixture() -> Subject {
///     Subject::new(LedgerRepositories::in_memory())
/// }
///
/// tickbook_ledger::ledger_conformance_tests!(fixture);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! ledger_conformance_tests {
    ($fixture:ident) => {
        $crate::ledger_conformance_tests! { $fixture:
            accounts {
                created_account_reads_back
                accounts_get_ids_of_their_own
                invalid_account_is_not_created
                name_is_unique_within_its_tenant
                concurrent_creates_of_one_name_succeed_once
                accounts_are_listed_by_ascending_id
                list_has_only_matching_accounts
                pages_of_accounts_neither_skip_nor_repeat
                renamed_account_keeps_all_else
                closed_account_keeps_the_time
                accounts_outside_of_the_scope_do_not_exist
                scope_of_accounts_creates_none
            }
            ledger_writing {
                empty_batch_does_nothing
                receipt_accounts_for_every_event
                events_get_numbers_without_gaps
                batch_sent_again_is_all_duplicates
                duplicates_within_a_batch_are_booked_once
                repeated_fill_that_closes_is_in_the_journal
                unexpected_sequence_books_nothing
                accounts_do_not_share_events
                writers_of_one_account_leave_no_gap
                writers_of_the_same_events_book_each_once
                overfills_and_adjustments_are_in_the_receipt
                cancelled_append_is_booked_whole_or_not_at_all
                random_scripts_equal_the_fold
            }
            ledger_refusals {
                unknown_account_is_refused
                account_outside_of_the_scope_is_refused
                refused_events_do_not_block_the_others
                every_refusal_is_kept_with_its_reason
                refused_event_is_kept_once
                conflict_is_kept_and_changes_nothing
                pages_of_the_quarantine_neither_skip_nor_repeat
                closed_account_takes_reports_only
            }
            ledger_positions {
                positions_are_listed_by_key
                positions_as_of_a_time_leave_out_later_fills
                busted_fill_leaves_a_flat_position
                hedging_account_has_several_positions
                cost_methods_give_their_own_profit
                receipt_has_the_state_after_each_event
            }
            position_reports {
                latest_report_of_each_position_is_read
                report_of_the_same_time_replaces
                invalid_reports_store_nothing
            }
            ledger_reading {
                order_reads_back_with_its_status
                orders_are_listed_by_their_first_event
                list_has_only_matching_orders
                orders_are_found_by_the_day_of_their_creation
                pages_of_orders_neither_skip_nor_repeat
                events_read_back_in_their_stored_form
                pages_of_events_neither_skip_nor_repeat
                fills_are_in_the_order_of_the_venue
                fills_are_found_by_symbol_order_and_time
                pages_of_fills_neither_skip_nor_repeat
                journal_gives_what_is_stored
            }
        }
    };
    ($fixture:ident: $($file:ident { $($behaviour:ident)+ })+) => {
        $(mod $file {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let subject = super::$fixture().await;
                    $crate::conformance::$file::$behaviour(subject.repositories()).await;
                }
            )+
        })+
    };
}
