"""Which tables a database has, and bringing them up to date.

A file of SQLite is brought up to date when the service starts. A server is by `her2-crd migrate` alone, before the
service starts: several machines share it, and whoever starts the service need not be allowed to change tables.
"""

from enum import Enum
from functools import cache

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, make_url, select
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from service.problems import ServiceError
from service.storage.database import Database, StorageDownError
from service.storage.tables import METADATA

VERSIONS = ("0001",)
"""All there ever were, the newest last. A migration with this name leads to each."""
CURRENT = VERSIONS[-1]

MIGRATION_SECONDS = 600.0
_LOCK = 4_820_711_953_204_117
"""Of no meaning but to be the same everywhere: of those who migrate a server one does, the others wait."""

_VERSION = Table(
    "schema_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="schema_version_pkc"),
)
"""As alembic makes and reads it."""


class State(Enum):
    """What a database's tables are to this version of the service; the value says what is to be done."""

    MISSING = "it has no tables yet; run `her2-crd migrate`"
    OLDER = "its tables are those of an earlier version; run `her2-crd migrate`"
    CURRENT = "its tables are up to date"
    NEWER = "its tables are those of a later version of this service, which must run on it"


class SchemaError(ServiceError):
    """The tables of the database are not those this service works with."""

    def __init__(self, state: State) -> None:
        """Keep what they are."""
        super().__init__(f"The database cannot be used: {state.value}")
        self.state = state


def state_of(connection: Connection) -> State:
    """Return what the tables are."""
    if not inspect(connection).has_table(_VERSION.name):
        return State.MISSING
    version = connection.execute(select(_VERSION.c.version_num)).scalar()
    if version is None:
        return State.MISSING
    if version not in VERSIONS:
        return State.NEWER
    return State.CURRENT if version == CURRENT else State.OLDER


def is_current(database: Database) -> bool:
    """Say whether the tables are up to date; raise StorageDownError."""
    with database.read() as connection:
        return state_of(connection) is State.CURRENT


def upgrade(database: Database) -> None:
    """Bring the tables up to date, in one transaction, of several at once by one.

    Raises SchemaError for tables of a later version, StorageDownError when the database does not answer.
    """
    if not database.is_in_memory and is_current(database):
        return
    with database.write(MIGRATION_SECONDS) as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        match state_of(connection):
            case State.CURRENT:
                pass
            case State.MISSING if database.dialect == "sqlite":
                create(connection)
            case State.MISSING | State.OLDER:
                migrate(connection)
            case State.NEWER:
                raise SchemaError(State.NEWER)


def create(connection: Connection) -> None:
    """Make the tables of a new database, which is what all migrations make, but much quicker."""
    for each in _definitions(connection.dialect.name):
        connection.exec_driver_sql(each)
    connection.execute(_VERSION.insert().values(version_num=CURRENT))


@cache
def _definitions(dialect: str) -> tuple[str, ...]:
    """Return the statements that make all tables; compiling them takes longer than running them in memory."""
    kind = make_url(f"{dialect}://").get_dialect()()
    made: list[ExecutableDDLElement] = []
    for each in (*METADATA.sorted_tables, _VERSION):
        made += [CreateTable(each), *map(CreateIndex, each.indexes)]
    return tuple(str(each.compile(dialect=kind)) for each in made)


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction."""
    # Takes half a second to load, and mostly there is nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "service.storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def prepare(database: Database) -> None:
    """Make a database ready for the service, or raise SchemaError; a file also StorageDownError.

    A server that does not answer is waited for: the service starts without it, and looks at its tables when it is
    there. No connection is left open, because processes are forked from this one.
    """
    if database.dialect == "sqlite":
        upgrade(database)
    else:
        try:
            with database.read() as connection:
                state = state_of(connection)
        except StorageDownError:
            database.expect(_refuse)
        else:
            if state is not State.CURRENT:
                raise SchemaError(state)
    if not database.is_in_memory:
        database.dispose()


def _refuse(connection: Connection) -> None:
    if state_of(connection) is not State.CURRENT:
        raise StorageDownError("schema")
