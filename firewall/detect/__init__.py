"""Detection: rules that find typed values and foreign excerpts in text."""
