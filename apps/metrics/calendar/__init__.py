"""Windows, intervals and the edges of buckets in a time zone. Pure; instants are microseconds since 1970."""
