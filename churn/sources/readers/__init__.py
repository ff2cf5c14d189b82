"""One file a kind of input, each with one function that reads it into the data contract."""
