"""The layers: each judges a case and never acts."""
