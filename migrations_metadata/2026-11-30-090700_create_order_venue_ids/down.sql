DROP TABLE order_venue_ids;
