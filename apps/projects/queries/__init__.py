"""The reads of projects, one module per noun."""
