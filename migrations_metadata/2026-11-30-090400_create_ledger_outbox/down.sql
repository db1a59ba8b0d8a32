DROP TABLE ledger_outbox;
