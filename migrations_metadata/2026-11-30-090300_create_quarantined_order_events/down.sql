DROP TABLE quarantined_order_events;
