//! Macros that generate tests for candles, the quarantine, the retention floor and the clock.

/// Generates one `#[tokio::test]` for every behaviour of candles, and of ticks together with their candles.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests). Its candles must be
/// computed from its ticks.
#[macro_export]
macro_rules! conformance_candle_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            ticks_deleting {
                deleting_is_of_the_half_open_range
                ticks_of_other_symbols_stay
                deleting_nothing_is_no_error
                a_part_is_of_one_day_and_names_the_rest
                deletable_ticks_are_those_deleted
                deleted_ticks_may_be_stored_again
                stored_candles_stay_when_ticks_go
                random_deletes_leave_the_fold_of_the_rest
            }
            candles {
                candles_equal_the_fold_of_random_ticks
                candles_equal_the_fold_of_dense_ticks
                a_late_tick_changes_its_candle
                ticks_that_are_not_stored_are_in_no_candle
                ties_of_time_are_decided_by_the_sequence
                ties_of_64_bit_sequences_equal_the_fold
                a_bucket_holds_its_start_and_not_its_end
                a_mid_price_has_its_thirteenth_decimal
                volumes_add_up_exactly
                where_there_is_no_tick_there_is_no_candle
                a_symbol_without_ticks_has_no_candles
                symbols_have_candles_of_their_own
                candles_reach_from_1970_to_2100
                a_candle_is_closed_when_its_end_has_passed
            }
            candles_paging {
                a_range_is_of_open_times_and_half_open
                a_candle_is_whole_where_the_range_ends_within_it
                descending_is_newest_first
                pages_of_candles_neither_skip_nor_repeat
                pages_of_candles_stay_inside_of_the_range
                a_page_of_candles_ends_at_its_limit_and_says_where
                a_candle_cursor_need_not_name_a_candle
                candles_that_come_between_pages_disturb_nothing
            }
            candles_stored {
                stored_candles_read_back
                the_largest_and_smallest_candles_read_back
                storing_no_candles_does_nothing
                storing_a_candle_again_overwrites_it
                of_a_candle_given_twice_the_last_counts
                an_invalid_candle_is_named_and_nothing_is_stored
                a_stored_candle_is_read_instead_of_the_one_of_ticks
                ticks_that_come_later_do_not_change_a_stored_candle
                stored_candles_stand_among_those_of_ticks
                latest_is_the_newest_of_stored_and_of_ticks
                stored_candles_belong_to_their_symbol
                the_time_of_reading_decides_whether_a_stored_candle_is_closed
                thousands_of_candles_are_stored_at_once
            }
            candles_closed {
                closed_only_leaves_out_what_still_changes
                the_newest_closed_candle_is_a_page_of_one
            }
            candles_filled {
                pages_of_filled_candles_are_every_bucket_of_the_range
                a_filled_candle_says_what_was_asked_for
                without_a_fill_gaps_are_left_out
                nothing_is_filled_where_nothing_is_known
                nothing_is_filled_after_now
                a_cursor_may_name_a_filled_candle
            }
            candles_parts {
                larger_candles_are_made_of_stored_minutes
                stored_minutes_win_over_ticks_of_their_minute_only
                of_nested_stored_candles_the_largest_counts
                stored_minutes_of_another_basis_are_no_parts
                a_stored_part_outside_of_the_range_counts_for_its_candle
            }
            candles_sides {
                candles_use_the_ticks_that_have_their_basis
                unknown_volumes_count_as_nothing
                basis_without_ticks_has_no_candle
                random_sides_equal_the_fold
            }
            candles_sums {
                sums_beyond_28_digits_are_rounded_once
                random_sums_beyond_28_digits_equal_the_fold
                a_29th_digit_is_rounded_where_a_decimal_holds_it
                sums_of_parts_and_ticks_are_rounded_once
                stored_volumes_of_28_digits_read_back
                the_largest_stored_volumes_have_a_sum
                a_volume_beyond_28_digits_is_not_stored
            }
            candles_deleting {
                deleted_candles_leave_their_neighbours
                candles_of_all_timeframes_go_together
                candles_of_ticks_stay_and_are_counted
                larger_candles_follow_deleted_minutes
                ranges_that_cut_candles_are_refused
                deleting_no_candle_is_no_error
                candles_of_many_days_go_day_by_day
            }
            candles_restored {
                restored_candles_are_read_as_sealed
                restoring_no_candles_does_nothing
                ticks_keep_candles_of_their_buckets_out
                other_stored_candles_are_not_restored_over
                a_restored_candle_replaces_one_of_fewer_ticks
                smaller_stored_candles_keep_larger_ones_out
                recent_candles_are_not_restored
                an_invalid_candle_is_named_and_none_restored
                a_restore_beside_an_insert_is_before_or_after
            }
            candles_streams {
                a_stream_of_nothing_ends_at_once
                a_stream_gives_every_candle_of_its_range_in_order
                a_filled_stream_gives_every_bucket_in_order
            }
            wild_times {
                places_beyond_all_time_leave_all_or_nothing
                wild_times_are_refused
                wild_bounds_and_instants_are_as_the_nearest
            }
        }
    };
}

/// Generates one `#[tokio::test]` for every behaviour of the quarantine.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests).
#[macro_export]
macro_rules! conformance_quarantine_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            quarantine {
                every_field_of_a_kept_tick_reads_back
                keeping_nothing_does_nothing
                a_tick_is_kept_once_and_stays_as_it_was
                two_ticks_of_one_key_are_both_kept
                equal_unsequenced_ticks_are_all_kept
                ticks_of_one_side_are_kept_once
                a_tick_that_no_store_keeps_is_refused_with_all_others
                a_list_of_kept_ticks_holds_only_what_was_asked_for
                pages_of_kept_ticks_neither_skip_nor_repeat
                kept_ticks_are_found_by_their_numbers
                what_was_decided_is_not_decided_again
                a_released_tick_is_stored_once
                a_tick_whose_key_is_taken_stays_in_quarantine
            }
        }
    };
}

/// Generates one `#[tokio::test]` for every behaviour of a store that refuses ticks older than 30 days.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests). It creates an empty store
/// that has already read its retention floor.
#[macro_export]
macro_rules! conformance_floor_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            ticks_floor {
                ticks_below_the_floor_are_rejected_with_the_reason
                ticks_below_the_floor_keep_no_other_out
                a_tick_that_is_no_tick_is_told_so_and_not_that_it_is_old
            }
        }
    };
}

/// Generates one `#[tokio::test]` for every behaviour that depends on the current time.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests). It creates an empty store
/// with a fixed clock, see [`Subject::with_clock_at`](crate::conformance::Subject::with_clock_at).
#[macro_export]
macro_rules! conformance_clock_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            ticks_newest {
                latest_is_found_however_old_or_new_it_is
                as_of_an_instant_is_the_last_tick_up_to_and_at_it
            }
            candles {
                a_candle_is_closed_when_its_end_has_passed
            }
            candles_closed {
                closed_only_leaves_out_what_still_changes
                the_newest_closed_candle_is_a_page_of_one
            }
            candles_stored {
                the_time_of_reading_decides_whether_a_stored_candle_is_closed
            }
            candles_restored {
                recent_candles_are_not_restored
            }
        }
    };
}
