DROP TABLE account_heads;
