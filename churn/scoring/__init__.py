"""Every customer's probability at a snapshot, whom to contact, and the lists that say so."""
