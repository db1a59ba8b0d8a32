DROP TRIGGER accounts_delete_fills ON accounts;
DROP TABLE fills;
