DROP TABLE accounts;
DROP FUNCTION refuse_change_of_account;
DROP FUNCTION delete_rows_of_account;
