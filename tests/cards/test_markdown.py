"""Text of a record stays text in markdown."""

import pytest

from cards.markdown import bold, bullet, escape, link, paragraphs, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("IHC 2+ (score)", "IHC 2+ (score)"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("[click](javascript:x)", r"\[click\](javascript:x)"),
        ("![x](http://t.example/p.png)", r"!\[x\](http\://t.example/p.png)"),
        ("see https://t.example and WWW.t.example", r"see https\://t.example and WWW\.t.example"),
        ("a@b.example", r"a\@b.example"),
        ("*b* _i_ `c` ~s~ \\ &lt;", r"\*b\* \_i\_ \`c\` \~s\~ \\ \&lt;"),
        ("two\n\n# lines\t\x00", "two # lines"),
    ],
)
def test_markup_in_text_is_escaped(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_plain_text_is_one_line() -> None:
    assert plain("  a\r\n b\u200b c ") == "a b c"


def test_blocks() -> None:
    assert bold("a*b") == r"**a\*b**"
    assert link("a]b", "https://x.example") == r"[a\]b](https://x.example)"
    assert bullet("one", ["two"]) == "- one\n  - two"
    assert paragraphs("one", "", "two") == "one\n\ntwo"
