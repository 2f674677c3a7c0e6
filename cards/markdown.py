"""GitHub-flavoured markdown: text of a record stays text, whatever it holds."""

import re
from collections.abc import Iterable

# Every character that starts inline markup, HTML, an entity or an autolinked mail address. Line-start markup cannot
# occur: plain() leaves one line, and a line of ours never begins with text of the record.
_INLINE = re.compile(r"([\\`*_\[\]<>~&@])")
_AUTOLINK = re.compile(r"(https?|ftp)://|www\.", re.IGNORECASE)


def plain(text: str) -> str:
    """Return the text on one line: control characters and runs of white space become one space."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def escape(text: str) -> str:
    """Return text that renders as itself; addresses in it do not become links."""
    marked = _INLINE.sub(r"\\\1", plain(text))
    return _AUTOLINK.sub(lambda found: found[0].replace(":", r"\:").replace(".", r"\."), marked)


def bold(text: str) -> str:
    """Return the text in bold, escaped."""
    return f"**{escape(text)}**"


def link(label: str, url: str) -> str:
    """Return a link; the label is escaped, the address is one of ours."""
    return f"[{escape(label)}]({url})"


def bullet(text: str, below: Iterable[str] = ()) -> str:
    """Return a list item of ready markdown with its sub-items."""
    return "\n".join([f"- {text}", *(f"  - {each}" for each in below)])


def paragraphs(*blocks: str) -> str:
    """Join blocks with a blank line between them; empty ones are left out."""
    return "\n\n".join(block for block in blocks if block)
