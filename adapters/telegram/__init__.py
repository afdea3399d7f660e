"""Telegram at the edge: genuine updates in, bound replies out."""
