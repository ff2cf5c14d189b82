"""The figures of the reports, one function each; every title states the finding, computed from what is shown.

`predictions` maps model names to probabilities, shape (n,); the first one is the subject of the title. The candidate,
the champion, those who left and those who stayed each keep one colour in every figure.
"""
