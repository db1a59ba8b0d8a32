//! The macro that generates a test for each behaviour of oversight.

/// Generates one `#[tokio::test]` for every behaviour of risk events, of the audit log, of credentials and of users.
///
/// `fixture` is an `async fn() -> OversightSubject` that creates an empty store. Each test calls it once. The caller's
/// crate needs tokio with the features `macros` and `rt-multi-thread`.
///
/// ```no_run
/// use tickbook_ledger::conformance::OversightSubject;
/// use tickbook_ledger::{LedgerRepositories, OversightRepositories};
///
/// async fn fixture() -> OversightSubject {
///     let ledger = LedgerRepositories::in_memory();
///     let oversight = OversightRepositories::in_memory(ledger.accounts.clone());
///     OversightSubject::new(ledger, oversight)
/// }
///
/// tickbook_ledger::oversight_conformance_tests!(fixture);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! oversight_conformance_tests {
    ($fixture:ident) => {
        $crate::oversight_conformance_tests! { $fixture:
            audit_log {
                recorded_change_reads_back
                entries_are_numbered_without_gaps
                chains_do_not_share_entries
                concurrent_changes_form_one_chain
                invalid_change_is_not_recorded
                entries_are_found_by_actor_and_action
                pages_of_the_log_neither_skip_nor_repeat
                chain_of_several_keys_verifies
                head_is_the_last_entry
            }
            credentials {
                stored_credential_reads_back
                new_version_revokes_the_one_before
                revoked_credential_is_not_used_again
                secrets_of_invalid_length_are_refused
                credentials_outside_of_the_scope_do_not_exist
                data_key_is_replaced_once
                pages_of_credentials_neither_skip_nor_repeat
            }
            risk_events {
                raised_event_reads_back
                events_get_ascending_ids
                invalid_event_is_not_raised
                list_has_only_matching_events
                first_acknowledgement_stays
                events_outside_of_the_scope_do_not_exist
                pages_of_events_neither_skip_nor_repeat
            }
            users {
                created_user_reads_back
                names_and_addresses_are_unique
                invalid_user_is_not_created
                changed_user_keeps_id_and_tenant
                grants_are_added_and_withdrawn
                foreign_account_is_not_granted
                pages_of_users_neither_skip_nor_repeat
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
