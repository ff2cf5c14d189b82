"""Readers that bring any input to the data contract: customers and events, or ready-made feature tables and labels."""
