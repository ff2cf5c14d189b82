"""The schema of a params file, its reading and its refusals: every one happens here, before a kernel starts."""
