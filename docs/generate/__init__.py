"""Tables of the reference, made from the code: `python -m docs.generate` writes them anew into docs/reference/."""
