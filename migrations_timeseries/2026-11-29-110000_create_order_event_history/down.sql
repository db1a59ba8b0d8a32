DROP TABLE order_event_history;
