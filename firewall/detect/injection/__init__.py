"""Injection: text that wants to command the assistant, told by signs."""
