DROP TABLE order_book_snapshots;
