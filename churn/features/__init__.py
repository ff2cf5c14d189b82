"""From events to features as of a snapshot, the manifest that lists them, and the only door to Feast."""
