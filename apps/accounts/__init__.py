"""People, organizations, roles, sessions and keys: the base that every product stands on."""
