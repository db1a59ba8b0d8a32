DROP TRIGGER trades_unrecorded ON trades;
DROP TABLE unrecorded_trades;
