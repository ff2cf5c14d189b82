"""Data-quality and leakage checks, one file a thing that is checked; each returns results to show and to act on."""
