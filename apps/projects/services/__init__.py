"""The acts on projects, one module per noun."""
