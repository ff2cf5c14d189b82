"""The features of one snapshot, online as a whole: a packed row a customer and view, in an SQLite file or in Redis."""
