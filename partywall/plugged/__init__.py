"""Plug-ins of other distributions, found by their entry points and held to their promises."""
