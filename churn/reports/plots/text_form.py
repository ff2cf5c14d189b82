"""A figure in words: what its marks stand for, with the numbers, so that its data can be read and compared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import FixedLocator

LISTED = 8  # as many numbers are written out; of more, how many they are, their range and their mean


def described(figure: Figure) -> str:
    """The title, then for each of the axes how they are named and what they show, a line a mark."""
    around = (figure.get_suptitle(), figure.get_supxlabel(), figure.get_supylabel())
    return "\n".join([*(_flat(text) for text in around if text), *(line for ax in figure.axes for line in _axes(ax))])


def seen(figure: Figure) -> str:
    """For who cannot see it: the title, then what is drawn across and up, and what the lines or bars are."""
    told = [figure.get_suptitle()]
    for ax in figure.axes:
        names = ", ".join(ax.get_legend_handles_labels()[1])
        parts = {"Across": ax.get_xlabel() or figure.get_supxlabel(), "Up": ax.get_ylabel() or figure.get_supylabel()}
        told += [f"{part}: {text}" for part, text in (parts | {"Drawn": names}).items() if text]
    return ". ".join(dict.fromkeys(map(_flat, told)))


def _axes(ax: Axes) -> Iterator[str]:
    names = [_flat(text) for text in (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) if text]
    yield from [" / ".join(names)] if names else []
    for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
        if isinstance(axis.get_major_locator(), FixedLocator):
            yield f"  {name}: " + ", ".join(_flat(label.get_text()) for label in axis.get_ticklabels())
    for kind, mark, numbers in _marks(ax):
        label = str(mark.get_label() or "_")  # what matplotlib names itself begins with _
        told = "; ".join(f"{name} {_numbers(values)}" for name, values in numbers.items())
        yield f"  {kind}{'' if label.startswith('_') else ' ' + _flat(label)}: {told}"
    yield from (f"  text: {_flat(text.get_text())}" for text in ax.texts)


def _marks(ax: Axes) -> Iterator[tuple]:
    """Kind, artist and numbers of everything drawn that stands for data."""
    for line in ax.lines:
        yield "line", line, {"x": line.get_xdata(), "y": line.get_ydata()}
    for bars in (c for c in ax.containers if isinstance(c, BarContainer)):
        yield "bars", bars, {"value": bars.datavalues}
    for area in (patch for patch in ax.patches if isinstance(patch, Polygon)):
        yield "area", area, dict(zip("xy", area.get_xy().T, strict=True))
    for spans in (c for c in ax.collections if isinstance(c, LineCollection)):
        yield "spans", spans, dict(zip("xy", np.concatenate(spans.get_segments()).T, strict=True))
    for image in ax.images:
        yield "cells", image, {"value": np.ravel(image.get_array())}


def _numbers(values: object) -> str:
    values = np.atleast_1d(values)
    if values.dtype.kind not in "biuf":
        return ", ".join(str(v)[:10] for v in values[[0, -1]]) if len(values) > 1 else str(values[0])[:10]
    if len(values) <= LISTED:
        return ", ".join(f"{v:.3g}" for v in values)
    known = values[np.isfinite(values)]
    return f"{len(values)} from {known.min():.3g} to {known.max():.3g}, mean {known.mean():.3g}"


def _flat(text: str) -> str:
    return " ".join(text.split())
