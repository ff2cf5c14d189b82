"""The only door to MLflow: runs, versions, the gate, and all that moves a version."""
