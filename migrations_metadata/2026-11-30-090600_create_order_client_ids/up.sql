CREATE TABLE order_client_ids (
    account_id bigint NOT NULL,
    client_order_id text NOT NULL,
    order_id text NOT NULL,
    PRIMARY KEY (account_id, client_order_id)
);

CREATE TRIGGER accounts_delete_order_client_ids
    AFTER DELETE ON accounts
    FOR EACH ROW
    EXECUTE FUNCTION delete_rows_of_account('order_client_ids');

COMMENT ON TABLE order_client_ids IS 'The order of each request.';
COMMENT ON COLUMN order_client_ids.account_id IS 'The account.';
COMMENT ON COLUMN order_client_ids.client_order_id IS 'Id of the request.';
COMMENT ON COLUMN order_client_ids.order_id IS 'The order.';
