from criteria.tree import AllOf, AnyOf, AtLeast, Not, leaves_of
from tests.criteria.trees import leaf


def test_leaves_are_yielded_in_the_order_of_the_tree_and_repeated_where_they_stand_twice() -> None:
    one, two, three = leaf("one"), leaf("two"), leaf("three")
    tree = AllOf(
        "root", "root", (one, AnyOf("any", "any", (two, Not("not", "not", one))), AtLeast("some", "some", 1, (three,)))
    )
    assert [each.id for each in leaves_of(tree)] == ["one", "two", "one", "three"]


def test_a_leaf_is_its_own_only_leaf() -> None:
    assert [each.id for each in leaves_of(leaf("alone"))] == ["alone"]


def test_a_leaf_ranks_first_is_no_gate_and_is_asked_of_the_clinician_unless_it_says_otherwise() -> None:
    plain = leaf("plain")
    assert (plain.rank, plain.gate, plain.plan_side, plain.relies_on) == (0, False, False, ())
