"""The rules of the gate, a file a kind; each is a function from what was measured and a limit to a RuleResult."""
