"""Personal data: Presidio's recognisers, and the standard rules."""
