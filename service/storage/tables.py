"""The tables. The migrations in `service/storage/migrations` make exactly these; a test compares the two.

Moments are kept as text (UTC, ISO 8601) or as seconds, days as dates: both databases compare these alike. A client is
named by its id in the registry, anybody (the development profile) by the empty text, because unique keys treat every
NULL as another one.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

_CLIENT = 64
_UUID = 36
_SHA256 = 64
_REFERENCE = 512
"""A FHIR id has at most 64 characters; a URL of an absolute reference may be longer."""

CHAINS = Table(
    "chains",
    METADATA,
    Column("client", String(_CLIENT), primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("head", String(_SHA256), nullable=False),
)
"""Where each client's chain of decisions ends. Whoever appends locks the row, so a client's chain never forks."""

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("client", String(_CLIENT), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("assertion", String(_UUID), nullable=False),
    Column("call", String(_UUID), nullable=False),
    Column("recorded", String(32), nullable=False),
    Column("content", Text, nullable=False),
    Column("previous", String(_SHA256), nullable=False),
    Column("hash", String(_SHA256), nullable=False),
    Index("decisions_by_assertion", "assertion"),
    Index("decisions_by_call", "call"),
)
"""Decision records, appended and never changed. `content` is the JSON that `hash` is made of, with `previous`."""

ORDERS = Table(
    "orders",
    METADATA,
    Column("client", String(_CLIENT), primary_key=True),
    Column("assertion", String(_UUID), primary_key=True),
    Column("order_digest", String(_SHA256), nullable=False),
    Column("is_primary", Boolean, nullable=False),
    Column("patient", String(_REFERENCE), nullable=True),
    Column("payer", String(_CLIENT), nullable=True),
    Column("coverage", String(_REFERENCE), nullable=True),
    Column("drug", String(_CLIENT), nullable=True),
    Column("authorization", String(64), nullable=True),
    Index("orders_by_digest", "order_digest"),
)
"""What was asserted about each order: one row for an order on the same evidence, however often it is asked about."""

AUTHORIZATIONS = Table(
    "authorizations",
    METADATA,
    Column("number", String(64), primary_key=True),
    Column("client", String(_CLIENT), nullable=False),
    Column("patient", String(_REFERENCE), nullable=False),
    Column("member", String(_SHA256), nullable=False),
    Column("payer", String(_CLIENT), nullable=False),
    Column("drug", String(_CLIENT), nullable=False),
    Column("cancer", String(64), nullable=False),
    Column("assertion", String(_UUID), nullable=False),
    Column("issued", Date, nullable=False),
    Column("expires", Date, nullable=False),
    Column("months", Integer, nullable=False),
    Column("remark", Text, nullable=False),
    UniqueConstraint("client", "member", "payer", "drug", "cancer", "issued", name="one_authorization_a_day"),
    Index("authorizations_by_patient", "client", "patient"),
)
"""Authorizations that were issued, by what they are for."""

RETAINED = Table(
    "retained",
    METADATA,
    Column("call", String(_UUID), primary_key=True),
    Column("client", String(_CLIENT), nullable=False),
    Column("recorded", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("retained_by_client", "client", "recorded"),
)
"""What a call read and answered, encrypted; only with the setting RETAIN_INPUTS. Its digest is in the chain."""

SENT_CARDS = Table(
    "sent_cards",
    METADATA,
    Column("client", String(_CLIENT), primary_key=True),
    Column("card", String(_UUID), primary_key=True),
    Column("decision", String(_UUID), nullable=False),
    Column("order_reference", String(_REFERENCE), nullable=False),
    Column("topic", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("suggestions", Text, nullable=False),
    Column("sent", String(32), nullable=False),
    Index("sent_cards_by_decision", "decision"),
    Index("sent_cards_by_age", "sent"),
)
"""Cards as a client got them, so that its feedback finds the decision. `suggestions` is a JSON list of their ids."""

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("client", String(_CLIENT), primary_key=True),
    Column("action", String(_SHA256), primary_key=True),
    Column("card", String(_UUID), nullable=False),
    Column("decision", String(_UUID), nullable=True),
    Column("at", String(40), nullable=False),
    Column("content", Text, nullable=False),
    Column("comment", LargeBinary, nullable=True),
    Index("feedback_by_decision", "decision"),
)
"""What became of a card. `action` tells two actions apart; `comment` is what a user wrote, encrypted."""

USED_TOKENS = Table(
    "used_tokens",
    METADATA,
    Column("issuer", String(_REFERENCE), primary_key=True),
    Column("jti", String(256), primary_key=True),
    Column("expires", BigInteger, nullable=False),
    Index("used_tokens_by_end", "expires"),
)
"""Tokens that were used, until they expire (seconds since 1970)."""
