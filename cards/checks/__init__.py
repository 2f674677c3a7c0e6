"""Everything we send is checked on the way out; a violation is a bug of ours, never the client's."""

from cards.checks.answer_check import AnswerCheck
from cards.checks.violation import Violation

__all__ = ["AnswerCheck", "Violation"]
