"""Numbers about predictions: scores, intervals, profit, the trivial models to beat, candidate against champion."""
