"""StatHat's EZ and classic API; metrics.md section 5."""
