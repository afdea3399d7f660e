"""The sections of a configuration, by subject; `partywall.config` reads a whole one."""
