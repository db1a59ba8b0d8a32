CREATE TABLE order_client_ids (
    account_id bigint NOT NULL,
    client_order_id text NOT NULL,
    order_id text NOT NULL,
    PRIMARY KEY (account_id, client_order_id),
    FOREIGN KEY (account_id, order_id) REFERENCES orders ON DELETE CASCADE
);

COMMENT ON TABLE order_client_ids IS 'The order of each request.';
COMMENT ON COLUMN order_client_ids.account_id IS 'The account.';
COMMENT ON COLUMN order_client_ids.client_order_id IS 'Id of the request.';
COMMENT ON COLUMN order_client_ids.order_id IS 'The order.';
