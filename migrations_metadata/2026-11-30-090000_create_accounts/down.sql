DROP TABLE accounts;
DROP FUNCTION refuse_change_of_account;
