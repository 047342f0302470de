"""InfluxDB's line protocol, versions 1 and 2 of its calls; metrics.md section 5."""
