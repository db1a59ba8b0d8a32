CREATE TABLE order_venue_ids (
    account_id bigint NOT NULL,
    venue text NOT NULL,
    venue_order_id text NOT NULL,
    order_id text NOT NULL,
    PRIMARY KEY (account_id, venue, venue_order_id)
);

CREATE TRIGGER accounts_delete_order_venue_ids
    AFTER DELETE ON accounts
    FOR EACH ROW
    EXECUTE FUNCTION delete_rows_of_account('order_venue_ids');

COMMENT ON TABLE order_venue_ids IS 'The order of each id of a venue.';
COMMENT ON COLUMN order_venue_ids.account_id IS 'The account.';
COMMENT ON COLUMN order_venue_ids.venue IS 'The venue.';
COMMENT ON COLUMN order_venue_ids.venue_order_id IS 'Id of the order at the venue.';
COMMENT ON COLUMN order_venue_ids.order_id IS 'The order.';
