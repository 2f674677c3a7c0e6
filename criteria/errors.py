"""Errors of this package, one tree."""

from dataclasses import dataclass


class CriteriaError(Exception):
    """Any error raised by `criteria`."""


class UndecidedError(CriteriaError):
    """An evaluation broke one of the contract's invariants: a bug, answered as an internal error."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One mistake in a data file: where it is and what is wrong, in words."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        """Show the place the way compilers do."""
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {self.message}"


class LibraryError(CriteriaError):
    """The policy library does not load; carries every defect found."""

    def __init__(self, defects: tuple[Defect, ...]) -> None:
        """Join the defects, one a line."""
        super().__init__("\n".join(str(defect) for defect in defects))
        self.defects = defects
