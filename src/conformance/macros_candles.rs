//! Macros that generate tests for candles, the quarantine, the retention floor and the clock.

/// Generates one `#[tokio::test]` for every behaviour of candles, and of ticks together with their candles.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests). Its candles must be
/// computed from its ticks and trades.
#[macro_export]
macro_rules! conformance_candle_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            ticks_deleting {
                delete_removes_the_half_open_range
                ticks_of_other_symbols_stay
                delete_without_ticks_succeeds
                part_covers_one_day_and_names_the_rest
                deletable_ticks_equal_the_deleted_ones
                deleted_ticks_may_be_stored_again
                stored_candles_survive_a_delete_of_ticks
                random_deletes_leave_the_fold_of_the_rest
            }
            candles {
                candles_equal_the_fold_of_random_ticks
                candles_equal_the_fold_of_dense_ticks
                late_tick_changes_its_candle
                ticks_that_are_not_stored_are_in_no_candle
                ties_of_time_are_decided_by_the_sequence
                ties_of_64_bit_sequences_equal_the_fold
                bucket_holds_its_start_and_not_its_end
                mid_price_has_its_thirteenth_decimal
                volumes_add_up_exactly
                bucket_without_ticks_has_no_candle
                symbol_without_ticks_has_no_candles
                symbols_have_candles_of_their_own
                candles_reach_from_1970_to_2100
                candle_is_closed_when_its_end_has_passed
            }
            candles_paging {
                range_of_candles_is_half_open_by_open_time
                candle_is_whole_where_the_range_ends_within_it
                descending_order_is_newest_first
                pages_of_candles_neither_skip_nor_repeat
                pages_of_candles_stay_inside_of_the_range
                page_of_candles_ends_at_its_limit_and_says_where
                candle_cursor_need_not_name_a_candle
                new_candles_between_pages_are_harmless
            }
            candles_stored {
                stored_candles_read_back
                largest_and_smallest_candles_read_back
                upsert_of_no_candles_does_nothing
                repeated_upsert_overwrites_a_candle
                last_of_repeated_candles_counts
                invalid_candle_is_named_and_nothing_is_stored
                stored_candle_replaces_the_candle_of_ticks
                later_ticks_do_not_change_a_stored_candle
                stored_candles_are_listed_among_tick_candles
                latest_is_the_newest_of_stored_and_of_ticks
                stored_candles_belong_to_their_symbol
                stored_candle_is_closed_by_the_time_of_reading
                thousands_of_candles_are_stored_at_once
            }
            candles_of_trades {
                trade_candles_equal_the_fold_of_random_trades
                folded_trade_candles_equal_the_fold
                late_trade_changes_its_candle
                notional_of_the_largest_trades_is_exact
                ticks_and_trades_have_candles_of_their_own
                random_deletes_leave_the_fold_of_other_trades
                stored_trade_candles_read_back
                larger_trade_candles_add_up_stored_ones
                trades_prevent_a_restore_of_their_buckets
                stored_trade_candles_are_deleted
                gaps_between_trade_candles_are_filled
            }
            candles_closed {
                forming_candles_are_omitted_by_closed_only
                newest_closed_candle_is_a_page_of_one
            }
            candles_filled {
                filled_pages_have_every_bucket_of_the_range
                filled_candle_has_the_requested_prices
                gaps_are_omitted_without_a_fill
                symbol_without_candles_is_not_filled
                buckets_after_now_are_not_filled
                cursor_may_name_a_filled_candle
            }
            candles_folded {
                folded_candles_equal_the_fold_of_all_ticks
                folded_candles_equal_the_fold_of_dense_ticks
                candles_of_seconds_are_found_across_gaps
                weeks_begin_on_monday_and_months_on_the_first
                range_of_folded_candles_is_by_open_time
                page_of_folded_candles_ends_at_its_limit
                pages_of_folded_candles_survive_late_ticks
                forming_folded_candle_is_not_closed
                folded_streams_and_gaps_have_every_bucket
            }
            candles_folded_stored {
                folded_candles_include_stored_ones
                source_of_a_folded_candle_is_that_of_its_parts
                stored_candles_beyond_the_source_do_not_count
                folded_timeframes_are_not_written
            }
            candles_rollup {
                larger_candles_include_stored_minutes
                stored_minutes_replace_only_ticks_of_their_minute
                largest_of_nested_stored_candles_counts
                stored_minutes_of_another_basis_are_ignored
                stored_part_outside_the_range_counts
            }
            candles_sides {
                candles_use_the_ticks_that_have_their_basis
                unknown_volumes_count_as_zero
                basis_without_ticks_has_no_candle
                random_sides_equal_the_fold
            }
            candles_sums {
                sums_beyond_28_digits_are_rounded_once
                random_sums_beyond_28_digits_equal_the_fold
                digit_29_is_rounded_where_a_decimal_holds_it
                sums_of_parts_and_ticks_are_rounded_once
                stored_volumes_of_28_digits_read_back
                largest_stored_volumes_have_a_sum
                volume_beyond_28_digits_is_not_stored
            }
            candles_deleting {
                deleted_candles_leave_their_neighbours
                candles_of_all_timeframes_are_deleted_together
                candles_of_ticks_stay_and_are_counted
                larger_candles_follow_deleted_minutes
                ranges_that_cut_candles_are_refused
                delete_without_candles_succeeds
                candles_of_many_days_are_deleted_day_by_day
            }
            candles_restored {
                restored_candles_are_read_as_downsampled
                restore_of_no_candles_does_nothing
                ticks_prevent_a_restore_of_their_buckets
                imported_candles_are_not_replaced_by_a_restore
                restored_candle_replaces_one_of_fewer_ticks
                smaller_stored_candles_prevent_larger_restores
                recent_candles_are_not_restored
                invalid_candle_is_named_and_stops_the_restore
                restore_beside_an_insert_is_before_or_after
            }
            candles_streams {
                empty_stream_ends_at_once
                stream_gives_every_candle_of_its_range_in_order
                filled_stream_gives_every_bucket_in_order
            }
            wild_times {
                cursors_beyond_all_time_give_all_or_nothing
                wild_times_are_refused
                wild_bounds_act_as_the_nearest_valid_time
            }
        }
    };
}

/// Generates one `#[tokio::test]` for every behaviour of a store that refuses ticks and trades older than 30 days.
///
/// `fixture` is the same as for [`conformance_tests!`](crate::conformance_tests). It creates an empty store
/// that has already read its retention floor.
#[macro_export]
macro_rules! conformance_floor_tests {
    ($fixture:ident) => {
        $crate::conformance_tests! { $fixture:
            ticks_floor {
                ticks_below_the_floor_are_rejected_with_the_reason
                ticks_below_the_floor_block_no_other
                invalid_tick_is_reported_as_invalid_not_as_old
            }
            trades_floor {
                trades_below_the_floor_are_rejected
                trades_below_the_floor_block_no_other
                invalid_trade_is_reported_as_invalid_not_as_old
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
                latest_is_found_at_any_age
                as_of_an_instant_gives_the_last_tick_at_or_before
            }
            trades_reading {
                latest_trade_is_found_at_any_age
                trade_as_of_an_instant_is_the_last_before
            }
            candles {
                candle_is_closed_when_its_end_has_passed
            }
            candles_closed {
                forming_candles_are_omitted_by_closed_only
                newest_closed_candle_is_a_page_of_one
            }
            candles_folded {
                forming_folded_candle_is_not_closed
            }
            candles_stored {
                stored_candle_is_closed_by_the_time_of_reading
            }
            candles_restored {
                recent_candles_are_not_restored
            }
        }
    };
}
