DROP TABLE trade_days;
