"""Mechanism below the wall: paths, compartments, processes and egress. Knows no tenant and no chat."""
