"""The pages for people, one file a page: what is in production and why, and whatever is behind it."""
