"""Disguise: what a text says once its encodings are undone."""
