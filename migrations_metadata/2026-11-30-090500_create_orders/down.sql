DROP TRIGGER accounts_delete_orders ON accounts;
DROP TABLE orders;
