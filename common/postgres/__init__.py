"""Django's PostgreSQL backend, asked less often for what it knows. Named by `DATABASES["default"]["ENGINE"]`."""
