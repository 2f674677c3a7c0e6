"""What alembic runs: the migrations on the connection it was given, in that connection's transaction."""

from alembic import context

from service.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table="schema_version"
)
context.run_migrations()
