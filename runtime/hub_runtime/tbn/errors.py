"""What can be wrong with a network, in the words its clients already know."""

LONGEST = 1_000
"""Characters of a message: what it repeats of a request may be megabytes."""


def shortened(text: str, most: int = 200) -> str:
    """Return a text, or its beginning where it is longer than so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


class TBNError(Exception):
    """The network, a constraint or a limit of the request cannot be satisfied as written."""

    def __init__(self, message: str) -> None:
        super().__init__(shortened(message, LONGEST))


class EmptyProblemError(TBNError):
    """No row has a site."""

    def __init__(self) -> None:
        super().__init__("Input contains no monomers.")


class EmptyMonomerNameError(TBNError):
    """A ``>`` without a name behind it."""

    def __init__(self, line: str) -> None:
        super().__init__(
            f"Empty Monomer name. '{line}'. "
            "Note that any whitespace after the monomer name keyword is ignored."
        )


class DuplicateMonomerNameError(TBNError):
    """Two monomers with one name."""

    def __init__(self, line: str) -> None:
        super().__init__(f"Duplicate Monomer name. '{line}'")


class InvalidBindingSiteNameError(TBNError):
    """A site without a type, with text behind its star or with an empty name."""

    def __init__(self, line: str) -> None:
        super().__init__(f"Invalid BindingSite name. '{line}'")


class DuplicateBindingSiteNameError(TBNError):
    """Two sites with one name."""

    def __init__(self, line: str) -> None:
        super().__init__(f"Duplicate BindingSite name. '{line}'")


class InvalidConstraintError(TBNError):
    """A constraint that does not exist."""

    def __init__(self, line: str, kind: str) -> None:
        super().__init__(f"Invalid Constraint '{kind}'. '{line}'")


class ConstraintArgumentCountError(TBNError):
    """A constraint with too many or too few arguments."""

    def __init__(self, line: str, kind: str, expected: int, actual: int) -> None:
        super().__init__(f"Constraint '{kind}' takes {expected} arguments, got {actual}. '{line}'")


class NonexistentMonomerError(TBNError):
    """A constraint on a monomer name that no monomer has."""

    def __init__(self, line: str, name: str) -> None:
        super().__init__(f"Monomer '{name}' does not exist. '{line}'")


class NonexistentBindingSiteError(TBNError):
    """A constraint on a site name that no site has."""

    def __init__(self, line: str, name: str) -> None:
        super().__init__(f"BindingSite '{name}' does not exist. '{line}'")


class TogetherConstraintError(TBNError):
    """No chain of possible bonds joins the two monomers."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(
            f"Monomer [{first}] and Monomer [{second}] cannot be together in any valid configuration."
        )


class NotFreeConstraintError(TBNError):
    """The monomer can bond with no other."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Monomer [{name}] cannot be together with any other Monomer in any valid configuration."
        )


class PairedConstraintError(TBNError):
    """The two sites do not bond."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"Binding Site [{first}] and Binding Site [{second}] are not complementary.")


class AnyPairedConstraintError(TBNError):
    """Nothing in the network bonds with the site."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Binding Site [{name}] does not have any complementary binding sites in the system."
        )


class MinPolymersExceedEntropyError(TBNError):
    """``init_k`` asks for more polymers than any saturated configuration has."""

    def __init__(self, init_k: int) -> None:
        super().__init__(
            f"Minimum Polymers [{init_k}] exceeds the max entropy of TBN system. "
            "No Results can be computed. Choose a lower value."
        )


class EarlyTerminationError(TBNError):
    """The task was terminated by its client."""

    def __init__(self, count: int, polymers: int) -> None:
        super().__init__(f"Early Termination at count [{count}] min polymers [{polymers}].")


class TooLargeError(Exception):
    """The network is beyond what the solver accepts."""
