DROP TABLE trade_quarantine;
