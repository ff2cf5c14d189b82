"""Models of customers who buy at a pace of their own until they are gone, unseen; learnt from histories, not labels."""
