"""Bytes and numbers of stored points: payloads, exact sums, sketches, rollup rows. Pure."""
