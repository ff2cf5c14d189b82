"""From files that nobody has described to a params file that runs."""
