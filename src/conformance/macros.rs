//! Macros that generate a test for each behaviour.

/// Generates one `#[tokio::test]` for every behaviour of symbols.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests).
#[macro_export]
macro_rules! conformance_symbol_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            symbols_writing {
                created_symbol_reads_back
                every_instrument_type_reads_back
                symbol_without_an_id_gets_the_next_id
                taken_id_or_name_is_refused
                name_is_unique_within_its_exchange_only
                invalid_symbol_is_not_created
                concurrent_creates_of_one_name_succeed_once
                symbols_created_at_once_get_ids_of_their_own
                empty_batch_of_symbols_does_nothing
                upsert_creates_new_and_updates_known_symbols
                upsert_replaces_and_removes_an_instrument
                upserted_symbols_without_ids_get_new_ones
                last_of_repeated_symbols_counts
                upsert_names_an_invalid_symbol_and_changes_nothing
                upsert_refuses_ids_of_others_and_changes_nothing
                many_symbols_are_upserted_at_once
                deactivated_symbol_stays_readable
                unknown_symbol_cannot_be_deactivated
            }
            symbols_changing {
                missing_symbols_are_created_by_a_merge
                known_values_are_kept_and_reported
                unknown_values_are_set_and_reported
                repeated_symbol_merges_with_the_first
                refused_symbol_blocks_no_other
                concurrent_merges_create_each_symbol_once
                describe_changes_only_stated_values
                invalid_descriptions_are_refused
                renamed_symbol_keeps_its_id_and_all_else
                taken_name_is_refused_and_its_owner_named
                amended_symbol_has_the_name_and_the_values
                amendment_changes_all_or_nothing
            }
            symbols_reading {
                symbol_is_found_by_its_id
                many_symbols_are_found_by_their_ids
                ten_thousand_ids_are_looked_up_at_once
                unknown_id_finds_no_symbol
                symbol_is_found_by_its_name
                ambiguous_name_is_refused_with_its_candidates
                symbols_are_listed_by_ascending_id
                list_has_only_matching_symbols
                pages_of_symbols_neither_skip_nor_repeat
                list_continues_after_any_id
            }
            symbols_cases {
                name_in_another_case_is_taken
                exchange_in_another_case_is_the_stored_one
                names_in_another_case_are_not_upserted
                names_in_another_case_are_refused_by_merging
                symbol_is_renamed_to_another_case_of_its_name
                names_in_two_cases_at_once_create_one_symbol
            }
            exchanges {
                exchange_reads_back
                exchange_is_found_in_any_case
                taken_exchange_is_refused_with_its_owner
                invalid_exchange_is_not_created
                exchanges_are_created_with_their_symbols
                described_exchange_keeps_unstated_values
                empty_text_removes_a_known_value
                exchanges_are_paged_by_name
            }
            exchange_sessions {
                sessions_read_back_in_order
                sessions_are_replaced_as_a_whole
                invalid_sessions_change_nothing
                exchanges_are_listed_with_their_sessions
            }
            reference_data {
                reference_data_is_created_once
                reference_data_sets_unknown_values_only
                known_values_of_symbols_are_kept
                invalid_reference_data_changes_nothing
                refused_symbol_of_reference_data_is_reported
                concurrent_reference_data_is_created_once
            }
            feed_symbols {
                symbol_is_found_by_its_feed_key
                unknown_feed_key_finds_no_symbol
                repeated_mapping_points_to_the_new_symbol
                last_of_repeated_mappings_counts
                empty_mapping_does_nothing
                mapping_to_an_unknown_symbol_maps_nothing
                empty_or_too_long_mapping_is_refused
                feed_key_gives_the_current_symbol
                names_of_a_symbol_are_listed_in_order
                removed_feed_key_finds_no_symbol
                feed_key_of_another_symbol_is_not_added
                feed_key_of_another_symbol_is_not_removed
                concurrent_additions_have_one_owner
            }
        }
    };
}

/// Generates one `#[tokio::test]` for every behaviour of ticks that needs no candles.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests). A backend of ticks alone
/// uses the defaults for the other repositories:
///
/// ```no_run
/// use std::sync::Arc;
/// use tickbook::Repositories;
/// use tickbook::conformance::Subject;
/// use tickbook::memory::InMemoryTickRepository;
///
/// async fn fixture() -> Subject {
///     let ticks = Arc::new(InMemoryTickRepository::new());
///     Subject::new(Repositories::builder().ticks(ticks).build())
/// }
///
/// tickbook::conformance_tick_tests!(fixture);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_tick_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            ticks_writing {
                empty_batch_does_nothing
                every_field_reads_back
                batch_sent_again_is_all_duplicates
                new_ticks_among_duplicates_are_stored
                equal_ticks_within_a_batch_are_stored_once
                order_within_a_batch_does_not_matter
                batch_may_hold_many_symbols
                numbers_equal_in_value_are_equal_content
                trailing_zeros_are_removed
                times_are_truncated_to_microseconds
                receive_time_is_not_content
                negative_prices_and_crossed_quotes_are_stored
                largest_and_smallest_values_read_back
                sequences_of_64_bits_read_back
                random_batches_equal_a_model
                cancelled_batch_is_stored_whole_or_not_at_all
            }
            ticks_sides {
                ticks_of_one_side_read_back
                absent_value_differs_from_zero
            }
            ticks_refused {
                conflict_is_reported_and_keeps_the_stored_tick
                every_number_of_a_tick_counts_as_content
                conflict_within_a_batch_keeps_the_first
                stored_content_decides_not_refused_content
                conflicts_are_listed_in_key_order
                impossible_tick_does_not_block_the_others
                rejections_are_in_the_order_given_and_say_why
                batch_of_impossible_ticks_stores_nothing
                receipt_accounts_for_every_tick
                old_ticks_are_accepted_without_a_floor
            }
            ticks_concurrent {
                short_overlapping_batches_insert_each_tick_once
                long_overlapping_batches_insert_each_tick_once
                short_contradicting_batches_report_every_conflict
                long_contradicting_batches_report_every_conflict
            }
            ticks_unsequenced {
                unsequenced_ticks_are_numbered_by_arrival
                unsequenced_ticks_sent_again_are_duplicates
                occurrence_that_comes_first_stores_all
                unsequenced_ticks_never_conflict
                sequenced_ticks_keep_their_sequences
                unsequenced_ticks_are_of_one_symbol
                impossible_unsequenced_ticks_are_rejected
                pieces_of_whole_instants_give_the_source
                pieces_of_instants_lose_only_equal_ticks
                writers_of_short_unsequenced_batches_agree
                writers_of_long_unsequenced_batches_agree
            }
            ticks_reading {
                range_start_is_inclusive
                range_end_is_exclusive
                range_of_equal_bounds_is_empty
                range_without_ticks_is_empty
                range_has_ticks_of_its_symbol_only
                order_is_by_time_and_sequence_not_by_arrival
                full_range_contains_every_valid_instant
                count_covers_the_half_open_range
                page_ends_at_its_limit_and_says_where
                page_that_ends_with_the_range_has_no_next
                pages_across_ties_neither_skip_nor_repeat
                cursors_keep_sequences_of_64_bits
                pages_stay_inside_of_the_range
                new_ticks_between_pages_are_harmless
                cursor_need_not_name_a_tick
                largest_page_holds_ten_thousand_ticks
            }
            ticks_newest {
                latest_is_the_last_by_time_and_sequence
                symbol_without_ticks_has_no_latest
                latest_is_found_at_any_age
                latest_of_leaves_out_symbols_without_ticks
                latest_of_is_sorted_by_symbol_and_names_each_once
                latest_of_no_symbols_is_empty
                latest_of_takes_ten_thousand_symbols_and_no_more
                as_of_an_instant_gives_the_last_tick_at_or_before
                as_of_before_the_first_tick_is_empty
                as_of_reaches_back_across_decades
            }
            ticks_streams {
                stream_gives_every_tick_of_its_range_in_order
                stream_continues_after_a_cursor
            }
        }
    };
}

/// Generates one `#[tokio::test]` for every behaviour of trades.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests).
#[macro_export]
macro_rules! conformance_trade_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            trades_writing {
                empty_batch_of_trades_does_nothing
                every_field_of_a_trade_reads_back
                trades_sent_again_are_duplicates
                new_trades_among_duplicates_are_stored
                every_part_of_a_trade_counts_as_content
                conflicting_trades_block_no_other
                impossible_trades_block_no_other
                receive_time_of_a_trade_is_not_content
                times_of_trades_are_truncated
                largest_values_of_a_trade_read_back
                random_trades_equal_a_model
                writers_of_short_batches_of_trades_agree
                writers_of_long_batches_of_trades_agree
                ticks_and_trades_are_stored_apart
            }
            trades_unsequenced {
                unsequenced_trades_are_numbered_by_arrival
                unsequenced_trades_sent_again_are_duplicates
                unsequenced_trades_with_ids_never_conflict
                overlapping_sources_store_each_trade_once
            }
            trades_reading {
                range_of_trades_is_half_open
                trades_are_ordered_by_time_and_sequence
                pages_of_trades_neither_skip_nor_repeat
                cursor_need_not_name_a_trade
                count_of_trades_covers_the_half_open_range
                latest_trade_is_the_last_of_its_symbol
                latest_trade_is_found_at_any_age
                latest_trades_are_sorted_by_symbol
                trade_as_of_an_instant_is_the_last_before
                stream_gives_every_trade_in_order
            }
            trades_deleting {
                delete_removes_the_trades_of_the_range
                part_of_trades_covers_one_day
                deletable_trades_equal_the_deleted_ones
                deleted_trades_may_be_stored_again
            }
            trades_corrections {
                correction_replaces_the_trade_of_its_key
                cancellation_removes_the_trade_of_its_key
                correction_sent_again_is_a_duplicate
                latest_correction_decides_in_any_order
                correction_before_its_trade_waits_for_it
                corrected_trades_sent_again_stay_corrected
                trade_with_a_text_id_is_found_by_it
                impossible_corrections_block_no_other
                pages_of_corrections_neither_skip_nor_repeat
                deleted_trades_are_stored_corrected
                times_of_corrections_are_truncated
                correction_of_a_cancelled_trade_restores_it
            }
            trades_corrections_order {
                corrections_in_any_order_give_the_same_trades
            }
        }
    };
}
