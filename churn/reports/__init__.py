"""What people see of a run: pages, tables, sentences, figures."""
