"""What outlives the process: one code for SQLite and PostgreSQL, with SQLAlchemy Core."""
