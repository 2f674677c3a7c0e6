"""A table to try a database with."""

from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select

from service.storage.database import Database

THINGS = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(20)))
SECRET = "Canary-Zebulon"


def furnished(database: Database) -> Database:
    """Return the database with the table."""
    with database.write() as connection:
        THINGS.metadata.create_all(connection)
    return database


def put(database: Database, *numbers: int) -> None:
    """Write rows in one transaction."""
    with database.write() as connection:
        connection.execute(insert(THINGS), [{"id": each, "name": SECRET} for each in numbers])


def kept(database: Database) -> int:
    """Return how many rows there are."""
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(THINGS)).scalar_one()
