DROP TABLE ledger_outbox;
DROP TABLE quarantined_order_events;
DROP TABLE order_events;
DROP FUNCTION refuse_change_of_journal;
