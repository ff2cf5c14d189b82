"""What can be known of a run before it begins: `churn check`. Every refusal is the run's own, by the run's own code."""
