DROP TRIGGER accounts_delete_order_client_ids ON accounts;
DROP TABLE order_client_ids;
