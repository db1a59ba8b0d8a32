DROP TABLE ledger_relay_cursor;
