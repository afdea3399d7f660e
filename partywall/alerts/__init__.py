"""What operators are told: routes, what a message says, the ways it goes out, and the relay between."""
