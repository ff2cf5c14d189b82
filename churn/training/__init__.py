"""From labels and features to a training set and a fitted pipeline."""
