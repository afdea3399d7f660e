"""Links: what a chat client would fetch, unfurl or make clickable in a text."""
