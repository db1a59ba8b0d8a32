DROP TABLE exchange_sessions;
