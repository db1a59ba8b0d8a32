DROP TABLE position_fees;
