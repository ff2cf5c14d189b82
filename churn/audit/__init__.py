"""What the record says, and whether it holds: why, doctor, reproduce."""
