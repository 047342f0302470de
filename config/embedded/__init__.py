"""The embedded PostgreSQL and Valkey, and the supervisor that keeps the processes of `manage.py up`."""
