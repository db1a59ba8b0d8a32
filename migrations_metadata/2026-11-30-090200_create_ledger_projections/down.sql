DROP TABLE position_reports;
DROP TABLE position_lots;
DROP TABLE position_fees;
DROP TABLE positions;
DROP TABLE fills;
DROP TABLE order_venue_ids;
DROP TABLE order_client_ids;
DROP TABLE orders;
