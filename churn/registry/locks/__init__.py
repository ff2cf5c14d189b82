"""The lock on a model's registry, a file a kind: a file of this machine's, or one that PostgreSQL keeps for many."""
