DROP TABLE order_book_updates;
