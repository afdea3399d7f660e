"""The decision point: rules that operators write in Cedar, and what they say to a case."""
