"""The firewall: judges, the stack that enforces them, and the turns they judge."""
