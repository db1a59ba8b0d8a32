DROP TABLE position_lots;
