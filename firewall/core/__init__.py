"""The trusted base: ids, identity, labels, subjects, verdicts and ports. Standard library only."""
