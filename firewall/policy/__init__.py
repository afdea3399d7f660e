"""The decision point: what is granted, and to whom."""
