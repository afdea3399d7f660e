"""Excerpts: text and values that are known to be somebody's."""
