"""One notebook executed in a warm kernel: all that makes it quick, and what its end means."""
