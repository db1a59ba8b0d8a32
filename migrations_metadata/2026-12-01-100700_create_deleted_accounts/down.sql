DROP TRIGGER accounts_remember_deleted ON accounts;
DROP FUNCTION remember_deleted_account;
DROP TABLE deleted_accounts;
