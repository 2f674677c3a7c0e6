"""Which of many things belong together when pairs of them do: a chain of pairs is one group."""


class Ties:
    """Places 0 to `count` - 1, each a group of its own until it is tied to another."""

    def __init__(self, count: int) -> None:
        """Begin without ties."""
        self._above = list(range(count))

    def root(self, place: int) -> int:
        """Return the place that stands for the group, the same for all of its places."""
        above = self._above
        while above[place] != place:
            above[place] = above[above[place]]  # shorten the way, or long chains would be walked again and again
            place = above[place]
        return place

    def tie(self, one: int, *others: int) -> None:
        """Make one group of the groups of these places."""
        for other in others:
            self._above[self.root(other)] = self.root(one)
