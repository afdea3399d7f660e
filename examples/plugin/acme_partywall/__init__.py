"""Plug-ins of ACME for Partywall; each module makes one."""
