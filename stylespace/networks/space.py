"""Style spaces: where styles compare."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from stylespace.networks.network_entry import OWN


@dataclass(frozen=True)
class Space:
    """What makes two styles comparable: they live in the same style space, or they do not."""

    network: str
    pooling: str
    padding: str
    weights: str  # SHA-256 of the filters

    def difference(self, other: Space) -> str:
        """Name what differs from `other`, or return an empty string."""
        mine, theirs = asdict(self), asdict(other)
        return "; ".join(
            f"{key} {_short(theirs[key])} instead of {_short(mine[key])}"
            for key in mine
            if mine[key] != theirs[key]
        )

    def options_for(self, other: Space) -> str:
        """Return the options that bring a command from this space to `other`."""
        mine, theirs = asdict(self), asdict(other)
        differing = [key for key in mine if mine[key] != theirs[key]]
        options = [f"--{key} {theirs[key]}" for key in differing if theirs[key] != OWN]
        if self.network == other.network and self.weights != other.weights:
            options[-1] = "the --weights of then"
        elif self.weights != other.weights:
            options.pop()
        return " ".join(options)


def _short(value: str) -> str:
    return f"{value[:12]}..." if len(value) == 64 else value
