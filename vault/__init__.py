"""The stores: tenants, sessions, vault entries, violations and receipts."""
