"""What is kept and for how long: a copy of the state, and what is forgotten of people."""
