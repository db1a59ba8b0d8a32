//! The macro that generates a test for each behaviour of gaps and messages of feeds.

/// Generates one `#[tokio::test]` for every behaviour of gaps and messages of feeds.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests).
#[macro_export]
macro_rules! conformance_feed_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            feeds {
                every_field_of_a_gap_reads_back
                end_is_added_to_an_open_gap
                end_of_a_gap_and_filled_never_change_back
                record_after_a_gap_is_added_once
                later_failure_of_a_gap_counts
                gaps_of_one_key_in_one_call_are_one
                invalid_gap_stores_none
                gaps_are_listed_by_their_keys
                pages_of_gaps_neither_skip_nor_repeat
                gaps_are_found_by_feed_symbol_and_state
                every_field_of_a_message_reads_back
                messages_sent_again_are_left_out
                invalid_message_stores_none
                messages_of_a_source_are_in_their_order
                pages_of_messages_neither_skip_nor_repeat
                dropped_messages_are_the_older_ones
                empty_batches_of_feeds_do_nothing
            }
        }
    };
}
