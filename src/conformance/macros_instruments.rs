//! The macro that generates a test for each behaviour of syncs and versions of instruments.

/// Generates one `#[tokio::test]` for every behaviour of syncs and versions of instruments.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests).
#[macro_export]
macro_rules! conformance_instrument_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            instruments {
                listed_symbols_are_created
                second_sync_changes_nothing
                missing_symbol_is_deactivated_and_reappears
                symbols_made_inactive_by_others_stay_so
                swapped_names_keep_their_keys
                another_key_of_a_name_replaces_the_old_one
                alias_removed_by_others_is_listed_again
                alias_of_another_exchange_keeps_its_symbol
                refused_entries_block_no_other
                invalid_feed_or_exchange_is_refused
                syncs_at_once_add_each_symbol_once
                changed_terms_are_a_new_version
                every_change_of_terms_is_a_version
            }
        }
    };
}
