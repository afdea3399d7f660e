"""The excerpt index as it grows, drawn: `python -m benchmarks.excerpts_curve RESULT.json PICTURE.png`.

matplotlib is the extra `bench`; nothing else needs it.
"""

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

_PANELS = (
    ("scan of 2,000 characters (µs)", "scan_2000_us"),
    ("layer 3 on 4 KB (ms)", "layer_ms"),
    ("learning one entry of many (µs)", "learn_us"),
    ("memory for an entry, text included (bytes)", "bytes"),
)


def drawn(sizes: dict[str, dict[str, dict[str, float]]]) -> Figure:
    """Draw every panel over the number of entries, the automaton where it was measured."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, (title, name) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
        for side, style in (("ours", "o-"), ("aho_corasick", "s--")):
            points = [
                (int(count), sides[side][name])
                for count, sides in sizes.items()
                if name in sides.get(side, {}) and int(count) >= 10_000
            ]
            if points:
                axes.plot(
                    *zip(*points, strict=True), style, label="partywall" if side == "ours" else "Aho-Corasick"
                )
        axes.set(title=title, xscale="log", xlabel="entries", ylim=(0, None))
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    return figure


def main() -> None:
    """Draw one result into one picture."""
    result, picture = map(Path, sys.argv[1:3])
    sizes = json.loads(result.read_text(encoding="utf-8"))["sizes"]
    with picture.open("wb") as file:
        drawn(sizes).savefig(file, dpi=90, metadata={"Software": None})  # pyright: ignore[reportUnknownMemberType]  its keywords are untyped


if __name__ == "__main__":
    main()
