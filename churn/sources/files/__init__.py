"""The files of an input, one module a kind: their columns, and how the engine opens them without guessing."""
