DROP TABLE ledger_relay_cursor;
DROP TABLE position_history;
DROP TABLE fill_history;
DROP TABLE order_event_history;
