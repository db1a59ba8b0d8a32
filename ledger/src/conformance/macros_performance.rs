//! The macro that generates a test for each behaviour of the performance of accounts.

/// Generates one `#[tokio::test]` for every behaviour of [`PerformanceRepository`](crate::repository::PerformanceRepository).
///
/// `fixture` is an `async fn() -> PerformanceSubject` that creates an empty store. Each test calls it once. The caller's
/// crate needs tokio with the features `macros` and `rt-multi-thread`.
///
/// ```no_run
/// use std::sync::Arc;
/// use tickbook_ledger::PerformanceRepositories;
/// use tickbook_ledger::conformance::PerformanceSubject;
/// use tickbook_ledger::memory::InMemoryOrderHistory;
///
/// async fn fixture() -> PerformanceSubject {
///     let history = InMemoryOrderHistory::new();
///     let performance = PerformanceRepositories::in_memory_with_history(history.clone());
///     PerformanceSubject::new(performance, Arc::new(history))
/// }
///
/// tickbook_ledger::performance_conformance_tests!(fixture);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! performance_conformance_tests {
    ($fixture:ident) => {
        $crate::performance_conformance_tests! { $fixture:
            performance_equity {
                recorded_points_read_back
                points_recorded_again_are_duplicates
                other_content_of_an_instant_is_a_conflict
                invalid_point_refuses_the_batch
                points_of_accounts_are_apart
                points_are_found_by_time
                pages_of_points_neither_skip_nor_repeat
            }
            performance_daily {
                point_at_midnight_belongs_to_the_new_day
                days_of_clock_changes_have_all_their_points
                days_start_at_quarters_of_an_hour
                opening_is_the_last_equity_before_the_day
                flows_are_not_returns
                returns_of_days_multiply_to_those_of_points
                ruined_account_has_no_later_returns
                fills_count_on_the_day_of_their_report
                report_is_that_of_the_days
                random_points_give_the_days_of_the_reference
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
