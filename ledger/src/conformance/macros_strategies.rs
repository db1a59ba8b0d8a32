//! The macro that generates a test for each behaviour of strategies and backtests.

/// Generates one `#[tokio::test]` for every behaviour of strategies and backtests.
///
/// `fixture` is an `async fn() -> StrategySubject` that creates an empty store. Each test calls it once. The caller's
/// crate needs tokio with the features `macros` and `rt-multi-thread`.
///
/// ```no_run
/// use tickbook_ledger::conformance::StrategySubject;
/// use tickbook_ledger::memory::InMemoryLedger;
/// use tickbook_ledger::{LedgerRepositories, StrategyRepositories};
///
/// async fn fixture() -> StrategySubject {
///     let store = InMemoryLedger::new();
///     StrategySubject::new(LedgerRepositories::over(&store), StrategyRepositories::in_memory(&store))
/// }
///
/// tickbook_ledger::strategy_conformance_tests!(fixture);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! strategy_conformance_tests {
    ($fixture:ident) => {
        $crate::strategy_conformance_tests! { $fixture:
            strategies {
                created_strategy_reads_back
                strategy_name_is_unique_within_its_tenant
                invalid_strategies_are_not_created
                versions_get_numbers_without_gaps
                equal_content_is_one_version
                concurrent_versions_get_distinct_numbers
                version_reads_back_with_its_hash
                pages_of_strategies_neither_skip_nor_repeat
                pages_of_versions_neither_skip_nor_repeat
                strategies_outside_of_the_scope_do_not_exist
                scope_of_accounts_changes_no_strategy
            }
            deployments {
                deployment_reads_back
                one_deployment_of_a_strategy_runs_at_a_time
                concurrent_deployments_begin_once
                stopped_deployment_keeps_the_time
                deployments_do_not_overlap
                impossible_deployments_are_refused
                deployments_are_filtered_and_paged
                deployments_outside_of_the_scope_do_not_exist
            }
            backtests {
                started_run_has_an_account_of_its_own
                equal_input_is_one_run
                concurrent_starts_create_one_run
                each_part_of_the_input_makes_another_run
                finished_run_has_its_metrics
                rerun_with_equal_metrics_changes_nothing
                rerun_with_other_metrics_is_a_conflict
                failed_run_is_started_again
                final_states_do_not_change
                invalid_runs_are_refused
                deleted_run_leaves_nothing
            }
            backtest_reading {
                runs_are_filtered_and_paged
                runs_are_compared_side_by_side
                impossible_comparisons_are_refused
                runs_outside_of_the_scope_do_not_exist
            }
            artifacts {
                artifact_reads_back_by_its_digest
                artifact_name_is_given_once
                shared_content_stays_until_its_last_run
                invalid_artifacts_are_refused
                artifacts_outside_of_the_scope_do_not_exist
            }
            backtest_over_ticks {
                orders_and_fills_of_a_run_are_in_the_ledger
                rerun_over_equal_ticks_changes_nothing
                rerun_of_a_changed_engine_is_a_conflict
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
