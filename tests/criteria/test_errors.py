from criteria.errors import CriteriaError, Defect, LibraryError, UndecidedError

DEFECT = Defect("policies/a/b.yaml", 3, 5, "$.leaves.adult", "cite is missing")


def test_a_defect_is_shown_the_way_compilers_show_places() -> None:
    assert str(DEFECT) == "policies/a/b.yaml:3:5: $.leaves.adult: cite is missing"


def test_a_library_error_shows_every_defect_on_a_line_of_its_own() -> None:
    other = Defect("policies/a/c.yaml", 1, 1, "$", "is not YAML")
    error = LibraryError((DEFECT, other))
    assert error.defects == (DEFECT, other)
    assert str(error) == f"{DEFECT}\n{other}"


def test_all_errors_of_the_package_have_one_root() -> None:
    assert issubclass(LibraryError, CriteriaError)
    assert issubclass(UndecidedError, CriteriaError)
