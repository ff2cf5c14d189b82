"""The API: churn probabilities from the model in production and the features online."""
