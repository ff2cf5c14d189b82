"""What an event log looks like: how often customers come, how long they stay away, and who would have left when."""
