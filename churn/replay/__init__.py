"""The past lived again, through the same notebooks and the same gate: policies compared by what they would have earned."""
