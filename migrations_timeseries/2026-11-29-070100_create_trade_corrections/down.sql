DROP TABLE trade_corrections;
