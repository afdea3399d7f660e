"""The edges to chat platforms and model clients."""
