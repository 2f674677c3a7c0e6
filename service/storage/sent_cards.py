"""TEMPORARY."""


def keep_cards(connection, cards, sent):
    pass
