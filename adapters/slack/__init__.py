"""Slack at the edge: genuine events in, bound replies out."""
