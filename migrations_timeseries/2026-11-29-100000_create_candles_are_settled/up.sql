-- Reads of candles call it in the statement that reads the rows. The server plans that statement for each call, and
-- keeps the plans of this function. STABLE makes it use the snapshot of that statement.
CREATE FUNCTION candles_are_settled(
    range_start bigint,
    range_end bigint,
    materializations integer[],
    sources integer[],
    with_ranges boolean,
    hypertables integer[],
    known_identity bigint,
    chunked integer[],
    known_chunks bigint,
    known_server bigint,
    known_version text
) RETURNS boolean
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    -- releases before 2.22 have no such table
    IF with_ranges AND EXISTS (
        SELECT FROM _timescaledb_catalog.continuous_aggs_materialization_ranges
        WHERE materialization_id = ANY (materializations)
        AND lowest_modified_value < range_end AND greatest_modified_value >= range_start
    ) THEN
        RETURN false;
    END IF;
    RETURN NOT EXISTS (
        SELECT FROM _timescaledb_catalog.continuous_aggs_materialization_invalidation_log
        WHERE materialization_id = ANY (materializations)
        AND lowest_modified_value < range_end AND greatest_modified_value >= range_start
    ) AND NOT EXISTS (
        SELECT FROM _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log
        WHERE hypertable_id = ANY (sources)
        AND lowest_modified_value < range_end AND greatest_modified_value >= range_start
    ) AND known_chunks = (
        SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
        FROM _timescaledb_catalog.chunk WHERE hypertable_id = ANY (chunked)
    ) AND known_identity = (
        SELECT coalesce(bit_xor(hashtidextended(ctid, mat_hypertable_id)
            # hash_array_extended(ARRAY[xmin], mat_hypertable_id)), 0)
        FROM _timescaledb_catalog.continuous_agg
    ) # (
        SELECT coalesce(bit_xor(hashtidextended(ctid, id) # hash_array_extended(ARRAY[xmin], id)), 0)
        FROM _timescaledb_catalog.hypertable WHERE id = ANY (hypertables)
    ) AND EXISTS (
        SELECT FROM pg_extension WHERE extname = 'timescaledb' AND extversion = known_version
    ) AND known_server = (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint;
END
$$;

COMMENT ON FUNCTION candles_are_settled(bigint, bigint, integer[], integer[], boolean, integer[], bigint, integer[], bigint, bigint, text) IS 'Whether no change of candles within a range of microseconds waits for a refresh, and the server, the release, the relations and their chunks are as they were in an earlier read.';
