"""The SQL of points: segments, chunks, rollups, their partitions. No rule of the product stands here."""
