"""Our own API for sending points: single points, rows and columns in JSON; metrics.md section 2."""
