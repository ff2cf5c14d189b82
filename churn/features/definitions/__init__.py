"""What a feature is, and the expressions that compute it: of events, or of ready-made tables."""
