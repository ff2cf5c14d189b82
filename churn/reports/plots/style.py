"""One look for all figures: Okabe-Ito colours, which colour-blind readers can tell apart, and quiet axes."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from types import MappingProxyType
from typing import TYPE_CHECKING

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image

from churn.reports.plots.text_form import described, seen

if TYPE_CHECKING:
    from IPython.lib.pretty import PrettyPrinter

CANDIDATE = "#0072B2"
CHAMPION = "#D55E00"
LEFT = "#CC79A7"
STAYED = "#009E73"
GREY = "#8C8C8C"
PALE = "#D9D9D9"
NONE: Mapping[str, str] = MappingProxyType({})  # no meaning of any feature is known
SERIES = ["#56B4E9", "#009E73", "#CC79A7", "#E69F00", "#000000"]  # for things that are not models

RC = {
    "axes.edgecolor": "#555555",
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.axisbelow": True,
    "figure.dpi": 110,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "font.size": 10,
    "grid.color": "#E6E6E6",
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 6,
    "text.parse_math": False,  # a name with two `$` in it is no formula
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
PALETTE = 128  # colours of a picture
SHARE = PercentFormatter(1, decimals=0)


class Plot(Figure):
    """A Figure that shows itself in notebooks at twice the screen's resolution, described by its title.

    It needs neither pyplot nor its global state.
    """

    @cached_property
    def png(self) -> bytes:
        """The picture, drawn once: what the report shows is what MLflow keeps."""
        drawn = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a name in 日本語; its text form has it
            self.savefig(drawn, format="png", dpi=2 * self.dpi, pil_kwargs={"compress_level": 1})
        small = io.BytesIO()  # a quarter of the bytes, by a palette of which no figure needs half
        Image.open(drawn).convert("RGB").quantize(PALETTE, Image.Quantize.FASTOCTREE).save(small, format="png")
        return small.getvalue()

    def _repr_pretty_(self, printer: PrettyPrinter, cycle: bool) -> None:
        printer.text(described(self))  # what a notebook keeps of a figure as text

    def _repr_png_(self) -> tuple[bytes, dict]:
        width, height = self.get_size_inches() * self.dpi
        size = {"width": int(width), "height": int(height)}
        return self.png, size | {"alt": seen(self)}


def styled(draw: Callable[..., Plot]) -> Callable[..., Plot]:
    """Draw with this module's style, whatever the caller's matplotlib settings are, and leave those as they were."""

    @wraps(draw)
    def in_style(*args, **kwargs) -> Plot:
        with style.context(["default", RC]):
            return draw(*args, **kwargs)

    return in_style


def plot(title: str, *, height: float = 4.2) -> Plot:
    """An empty figure, 7 inches wide, under its title."""
    figure = Plot(figsize=(7, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    figure.suptitle(textwrap.fill(title, 68), x=0.012, ha="left")
    return figure


def colour(model: str) -> str:
    """The fixed colour of a model: the candidate's, the champion's, or grey for anything to be beaten."""
    return {"candidate": CANDIDATE, "champion": CHAMPION}.get(model, GREY)


def line(model: str, index: int) -> dict:
    """Keyword arguments that draw a model's line: solid for real models, broken for baselines, by their order."""
    if colour(model) != GREY:
        return {"color": colour(model), "linestyle": "-", "zorder": 3}
    return {"color": GREY, "linestyle": ["--", ":", "-."][index % 3], "linewidth": 1.5}


def short(name: object, width: int = 38) -> str:
    """`name` cut to `width` characters in its middle, since long feature names differ at both ends."""
    text = str(name)
    text = f" {text}" if text.startswith("_") else text  # matplotlib keeps what begins with _ out of its legends
    if len(text) <= width:
        return text
    half = (width - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def blank(title: str) -> Plot:
    """A figure that only says why there is nothing to draw."""
    figure = plot(title, height=0.6)
    figure.subplots().set_axis_off()
    return figure


def name_rows(ax, names: list[str]) -> None:
    """Horizontal bars or dots with a name each, of one thickness however few they are."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(-0.7, len(names) - 0.3)
    ax.tick_params(axis="y", length=0)


def name_features(ax, features: list[str], meanings: Mapping[str, str]) -> None:
    """Rows named by what the features mean, each with its name in small letters below."""
    name_rows(ax, [short(meanings.get(name, name), 46) for name in features])
    for row, (name, label) in enumerate(zip(features, ax.get_yticklabels(), strict=True)):
        if meanings.get(name, name) == name:
            continue
        label.set_va("bottom")
        place = {"xycoords": ("axes fraction", "data"), "xytext": (-4, -1), "textcoords": "offset points"}
        ax.annotate(short(name), (0, row), ha="right", va="top", fontsize=7, color="#666666", **place)


def rows_height(rows: int, *, lines: int = 1) -> float:
    """The height in inches of a figure with one line of text a row, or with two."""
    return max(2.4, (0.3 if lines == 1 else 0.38) * rows + 1.3)
