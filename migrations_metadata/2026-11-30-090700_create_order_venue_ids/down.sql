DROP TRIGGER accounts_delete_order_venue_ids ON accounts;
DROP TABLE order_venue_ids;
