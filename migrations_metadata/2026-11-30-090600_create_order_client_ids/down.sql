DROP TABLE order_client_ids;
