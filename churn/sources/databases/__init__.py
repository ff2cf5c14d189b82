"""Databases that an input may lie in: what is asked of one, and how its rows come as batches. A file a kind."""
