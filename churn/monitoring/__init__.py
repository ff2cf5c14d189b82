"""Whether the model in production still works: what was promised, what came true, and what follows from it."""
