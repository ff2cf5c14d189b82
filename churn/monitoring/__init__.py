"""What became of the predictions: promises and what came true, an alarm with a stated error, drift and service."""
