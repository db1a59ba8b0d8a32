//! Macros that generate a test for each behaviour.

/// Generates one `#[tokio::test]` for every behaviour of the suite.
///
/// `fixture` is an `async fn() -> Subject` that creates an empty store. Each test calls it once. The caller's
/// crate needs tokio with the features `macros` and `rt-multi-thread`.
///
/// ```no_run
/// use tickbook::Repositories;
/// use tickbook::conformance::Subject;
///
/// async fn fixture() -> Subject {
///     Subject::new(Repositories::in_memory())
/// }
///
/// tickbook::conformance_tests!(fixture);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:ident) => {
        $crate::conformance_symbol_tests!($fixture);
        $crate::conformance_tick_tests!($fixture);
        $crate::conformance_candle_tests!($fixture);
        $crate::conformance_quarantine_tests!($fixture);
    };
    ($fixture:ident: $($file:ident { $($behaviour:ident)+ })+) => {
        $(mod $file {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let subject = super::$fixture().await;
                    let behaviour = $crate::conformance::$file::$behaviour(subject.repositories());
                    $crate::conformance::by_its_clock(&subject, behaviour).await;
                }
            )+
        })+
    };
}

/// Generates one `#[tokio::test]` for every behaviour of symbols.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests).
#[macro_export]
macro_rules! conformance_symbol_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            symbols_writing {
                a_created_symbol_reads_back
                every_instrument_type_reads_back
                without_an_id_a_symbol_gets_the_next_one
                a_taken_id_or_name_is_refused
                a_name_is_unique_within_its_exchange_only
                an_invalid_symbol_is_not_created
                creating_one_name_at_once_succeeds_once
                symbols_created_at_once_get_ids_of_their_own
                an_empty_batch_of_symbols_does_nothing
                upsert_creates_what_is_missing_and_changes_what_exists
                upsert_replaces_and_removes_an_instrument
                upserted_symbols_without_ids_get_new_ones
                of_a_symbol_given_twice_the_last_counts
                upsert_names_an_invalid_symbol_and_changes_nothing
                upsert_refuses_ids_of_others_and_changes_nothing
                many_symbols_are_upserted_at_once
                a_deactivated_symbol_stays_readable
                an_unknown_symbol_cannot_be_deactivated
            }
            symbols_changing {
                stated_symbols_that_are_missing_are_created
                known_values_are_kept_and_told
                unknown_values_are_taken_and_told
                stated_twice_the_second_finds_the_first
                a_refused_symbol_keeps_no_other_out
                merging_at_once_creates_each_symbol_once
                describing_changes_what_is_stated
                what_no_symbol_can_be_is_not_described
                a_renamed_symbol_keeps_its_id_and_all_else
                a_taken_name_is_refused_and_its_owner_named
            }
            symbols_reading {
                a_symbol_is_found_by_its_id
                many_symbols_are_found_by_their_ids
                ten_thousand_ids_are_looked_up_at_once
                an_unknown_id_is_no_error
                a_symbol_is_found_by_its_name
                an_ambiguous_name_is_refused_with_all_it_may_mean
                symbols_are_listed_by_ascending_id
                a_list_holds_only_what_fits
                pages_of_symbols_neither_skip_nor_repeat
                a_list_goes_on_behind_any_id
            }
            symbols_cases {
                a_name_in_another_case_is_taken
                an_exchange_in_another_case_is_the_stored_one
                names_in_another_case_are_not_upserted
                names_in_another_case_are_refused_by_merging
                a_symbol_is_renamed_to_another_case_of_its_name
                names_in_two_cases_at_once_create_one_symbol
            }
            exchanges {
                an_exchange_reads_back
                an_exchange_is_found_in_any_case
                a_taken_exchange_names_the_taker
                an_invalid_exchange_is_not_created
                exchanges_of_symbols_are_there
                a_described_exchange_keeps_what_is_not_stated
                an_empty_text_removes_what_was_known
                exchanges_are_paged_by_name
            }
            feed_symbols {
                a_symbol_is_found_by_what_a_feed_calls_it
                what_no_feed_calls_so_is_no_error
                mapping_again_points_to_the_symbol_given
                of_a_mapping_given_twice_the_last_counts
                mapping_nothing_does_nothing
                mapping_to_an_unknown_symbol_names_it_and_maps_nothing
                an_empty_or_too_long_mapping_is_refused
                a_feed_key_gives_the_symbol_as_it_is_now
                names_of_a_symbol_are_listed_in_order
                a_forgotten_name_leads_to_no_symbol
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
                an_empty_batch_does_nothing
                every_field_reads_back
                a_batch_sent_again_is_all_duplicates
                new_ticks_among_duplicates_are_stored
                equal_ticks_within_a_batch_are_stored_once
                order_within_a_batch_does_not_matter
                a_batch_may_hold_many_symbols
                numbers_equal_in_value_are_equal_content
                trailing_zeros_are_gone_on_reading
                what_is_finer_than_a_microsecond_is_cut_off
                receive_time_is_no_content
                negative_prices_and_crossed_quotes_are_stored
                the_largest_and_smallest_values_read_back
                sequences_of_64_bits_read_back
                random_batches_equal_a_model
                a_cancelled_batch_is_stored_whole_or_not_at_all
            }
            ticks_sides {
                ticks_of_one_side_read_back
                absent_is_another_content_than_zero
            }
            ticks_refused {
                a_conflict_is_reported_and_keeps_what_was_stored
                every_number_of_a_tick_is_content
                a_conflict_within_a_batch_keeps_the_first
                what_is_stored_decides_and_not_what_was_refused
                conflicts_are_listed_in_key_order
                an_impossible_tick_does_not_keep_the_others_out
                rejections_are_in_the_order_given_and_say_why
                a_batch_of_impossible_ticks_stores_nothing
                a_receipt_speaks_of_every_tick
                without_a_floor_no_tick_is_too_old
            }
            ticks_concurrent {
                writers_of_short_overlapping_batches_insert_each_tick_once
                writers_of_long_overlapping_batches_insert_each_tick_once
                writers_of_short_contradicting_batches_learn_of_every_conflict
                writers_of_long_contradicting_batches_learn_of_every_conflict
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
                pieces_of_instants_lose_equal_ticks_alone
                writers_of_short_unsequenced_batches_agree
                writers_of_long_unsequenced_batches_agree
            }
            ticks_reading {
                range_start_is_inclusive
                range_end_is_exclusive
                a_range_that_starts_where_it_ends_is_empty
                no_tick_is_no_error
                only_the_symbol_asked_for_is_read
                order_is_by_time_and_sequence_not_by_arrival
                every_instant_a_tick_may_have_is_inside_of_all
                a_count_is_of_the_half_open_range
                a_page_ends_at_its_limit_and_says_where
                a_page_that_ends_with_the_range_has_no_next
                pages_across_ties_neither_skip_nor_repeat
                cursors_keep_sequences_of_64_bits
                pages_stay_inside_of_the_range
                ticks_that_arrive_between_pages_disturb_nothing
                a_cursor_need_not_name_a_tick
                the_largest_page_holds_ten_thousand_ticks
            }
            ticks_newest {
                latest_is_the_last_by_time_and_sequence
                a_symbol_without_ticks_has_no_latest
                latest_is_found_however_old_or_new_it_is
                latest_of_leaves_out_symbols_without_ticks
                latest_of_is_sorted_by_symbol_and_names_each_once
                latest_of_nothing_is_nothing
                latest_of_takes_ten_thousand_symbols_and_no_more
                as_of_an_instant_is_the_last_tick_up_to_and_at_it
                as_of_before_the_first_tick_there_is_none
                as_of_looks_back_across_decades
            }
            ticks_streams {
                a_stream_gives_every_tick_of_its_range_in_order
                a_stream_goes_on_behind_a_cursor
            }
        }
    };
}
