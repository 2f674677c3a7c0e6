"""The changes of the schema, run by alembic; `service.storage.schema` says when."""
