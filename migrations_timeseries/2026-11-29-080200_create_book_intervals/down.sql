DROP TABLE book_intervals;
