"""The past lived again through the same notebooks and the same gate, and policies compared by what they earned."""
