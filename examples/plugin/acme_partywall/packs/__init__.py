"""Rules for ACME's secrets: every TOML file of this folder."""
