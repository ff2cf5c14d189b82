"""One run of the notebooks: plan, reuse, execution. It knows every stage and computes nothing."""
