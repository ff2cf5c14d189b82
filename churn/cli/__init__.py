"""Commands: flags in, text and exit codes out."""
