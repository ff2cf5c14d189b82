"""How an input is written down: separators, encodings, dates, decimals; read as said, or found out from the data."""
