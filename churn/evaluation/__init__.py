"""Numbers about predictions: scores, intervals, profit, the baselines to beat, candidate against champion."""
