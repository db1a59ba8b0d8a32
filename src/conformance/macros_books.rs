//! The macro that generates a test for each behaviour of order books.

/// Generates one `#[tokio::test]` for every behaviour of order books.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests).
#[macro_export]
macro_rules! conformance_book_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            books_writing {
                empty_batches_of_books_do_nothing
                every_field_of_a_snapshot_reads_back
                every_field_of_an_update_reads_back
                book_rows_sent_again_are_duplicates
                new_snapshots_among_duplicates_are_stored
                every_part_of_a_snapshot_counts_as_content
                conflicting_updates_block_no_other
                impossible_snapshots_block_no_other
                impossible_updates_block_no_other
                times_and_digits_of_books_are_normalized
                largest_values_of_a_book_read_back
                random_snapshots_equal_a_model
                writers_of_the_same_snapshots_agree
                books_and_trades_are_stored_apart
            }
            books_reading {
                ranges_of_books_are_half_open
                pages_of_books_neither_skip_nor_repeat
                pages_of_deep_snapshots_are_short
                snapshot_as_of_an_instant_is_the_last
                snapshot_as_of_is_found_at_any_age
                depth_cuts_every_snapshot_that_is_read
                depth_outside_of_1_to_1000_is_refused
                book_cursor_need_not_name_a_row
                streams_give_every_row_of_a_book
            }
            books_intervals {
                closed_interval_replaces_the_open_one
                every_reason_of_an_interval_reads_back
                intervals_sent_again_are_duplicates
                interval_with_another_end_is_a_conflict
                stopped_interval_is_continued
                stopped_interval_before_another_is_final
                impossible_intervals_block_no_other
                intervals_of_a_range_overlap_it
                pages_of_intervals_neither_skip_nor_repeat
            }
            books_at {
                book_is_known_within_its_intervals_only
                empty_book_differs_from_an_unknown_one
                book_has_the_updates_up_to_its_time
                crossing_update_is_an_error_of_the_data
                book_equals_the_live_one_at_every_instant
                updates_lead_from_snapshot_to_snapshot
                replay_gives_the_book_of_every_instant
                replay_is_in_the_order_of_the_venue
            }
            books_deleting {
                delete_removes_the_book_rows_of_the_range
                part_of_books_covers_one_day
                deleted_time_of_a_book_is_not_known
                interval_ends_as_a_whole_after_a_deletion
                deleted_book_rows_may_be_stored_again
            }
        }
    };
}
