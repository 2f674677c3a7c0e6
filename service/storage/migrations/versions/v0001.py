"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    _decisions()
    _authorizations()
    _feedback()
    op.create_table(
        "used_tokens",
        sa.Column("issuer", sa.String(512), primary_key=True),
        sa.Column("jti", sa.String(256), primary_key=True),
        sa.Column("expires", sa.BigInteger(), nullable=False),
    )
    op.create_index("used_tokens_by_end", "used_tokens", ["expires"])


def _decisions() -> None:
    op.create_table(
        "chains",
        sa.Column("client", sa.String(64), primary_key=True),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("client", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("assertion", sa.String(36), nullable=False),
        sa.Column("call", sa.String(36), nullable=False),
        sa.Column("recorded", sa.String(32), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("decisions_by_assertion", "decisions", ["assertion"])
    op.create_index("decisions_by_call", "decisions", ["call"])
    op.create_table(
        "retained",
        sa.Column("call", sa.String(36), primary_key=True),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("recorded", sa.String(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("retained_by_client", "retained", ["client", "recorded"])


def _authorizations() -> None:
    op.create_table(
        "orders",
        sa.Column("client", sa.String(64), primary_key=True),
        sa.Column("assertion", sa.String(36), primary_key=True),
        sa.Column("order_digest", sa.String(64), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("patient", sa.String(512), nullable=True),
        sa.Column("payer", sa.String(64), nullable=True),
        sa.Column("coverage", sa.String(512), nullable=True),
        sa.Column("drug", sa.String(64), nullable=True),
        sa.Column("authorization", sa.String(64), nullable=True),
    )
    op.create_index("orders_by_digest", "orders", ["order_digest"])
    op.create_table(
        "authorizations",
        sa.Column("number", sa.String(64), primary_key=True),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(512), nullable=False),
        sa.Column("member", sa.String(64), nullable=False),
        sa.Column("payer", sa.String(64), nullable=False),
        sa.Column("drug", sa.String(64), nullable=False),
        sa.Column("cancer", sa.String(64), nullable=False),
        sa.Column("assertion", sa.String(36), nullable=False),
        sa.Column("issued", sa.Date(), nullable=False),
        sa.Column("expires", sa.Date(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.UniqueConstraint("client", "member", "payer", "drug", "cancer", "issued", name="one_authorization_a_day"),
    )
    op.create_index("authorizations_by_patient", "authorizations", ["client", "patient"])


def _feedback() -> None:
    op.create_table(
        "sent_cards",
        sa.Column("client", sa.String(64), primary_key=True),
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("decision", sa.String(36), nullable=False),
        sa.Column("order_reference", sa.String(512), nullable=False),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("suggestions", sa.Text(), nullable=False),
        sa.Column("sent", sa.String(32), nullable=False),
    )
    op.create_index("sent_cards_by_decision", "sent_cards", ["decision"])
    op.create_index("sent_cards_by_age", "sent_cards", ["sent"])
    op.create_table(
        "feedback",
        sa.Column("client", sa.String(64), primary_key=True),
        sa.Column("action", sa.String(64), primary_key=True),
        sa.Column("card", sa.String(36), nullable=False),
        sa.Column("decision", sa.String(36), nullable=True),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("comment", sa.LargeBinary(), nullable=True),
    )
    op.create_index("feedback_by_decision", "feedback", ["decision"])
