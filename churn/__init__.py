"""What the notebooks and the serving app share: sources, features, labels, models, the gate, the registry."""
