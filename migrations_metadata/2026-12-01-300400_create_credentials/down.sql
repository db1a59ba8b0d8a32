DROP TABLE credentials;
DROP FUNCTION refuse_change_of_credential;
