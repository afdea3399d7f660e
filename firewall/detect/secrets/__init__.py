"""Secrets: rules as data, one gate for all of them, and what confirms a hit."""
