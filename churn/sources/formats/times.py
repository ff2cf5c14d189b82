"""Times as people write them, read as UTC: ISO, day or month first, counted from 1970, or in a spreadsheet's days."""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, StringValue, Value

from churn.sources.contract import TIME

NAIVE = "timestamp"
READINGS = ["iso", "day_first", "month_first", "year_first", "epoch_s", "epoch_ms", "serial"]
WORDS = {
    "iso": "2024-01-31 17:05, or 20240131",
    "day_first": "31.01.2024 17:05",
    "month_first": "01/31/2024 5:05 PM",
    "year_first": "24-01-31",
    "epoch_s": "seconds since 1970",
    "epoch_ms": "milliseconds since 1970",
    "serial": "days since 1899-12-30, as spreadsheets count",
}
MARK = r"[./-]"
TWO = "[0-9]{2}"
DATE = "^([0-9]{4})[./-]([0-9]{1,2})[./-]([0-9]{1,2})"
COMMON = {"iso": (1, 6, 9), "day_first": (7, 4, 1), "month_first": (7, 1, 4)}  # where year, month and day begin
HALVES = ["%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p"]
AFTER = "(?:$|[ T,].*)"
COUNTED = {"epoch_s": (1e8, 1e10, 1_000_000), "epoch_ms": (1e11, 1e13, 1_000), "serial": (20_000, 80_000, 86_400)}
SERIAL_EPOCH = -25_569 * 86_400  # 1899-12-30 in seconds from 1970
ZONED = r"(?:[0-9] ?[+-][0-9]{2}:?(?:[0-9]{2})?|[0-9] ?(?:Z|z|UTC|GMT)|[A-Z][a-z]+/[A-Za-z_/]+)$"


@ibis.udf.scalar.builtin(name="timezone", signature=(("string", NAIVE), TIME))
def _at_zone(zone, local):
    """The moment at which clocks in `zone` showed `local`."""


@ibis.udf.scalar.builtin(name="timezone", signature=(("string", TIME), NAIVE))
def _clock_in(zone, at):
    """What clocks in `zone` showed at a moment."""


@ibis.udf.scalar.builtin(name="try_strptime", signature=(("string", "string"), NAIVE))
def _strptime(text, pattern):
    """A time by a pattern; null where it cannot be read."""


@ibis.udf.scalar.builtin(name="try_strptime", signature=(("string", "array<string>"), NAIVE))
def _strptime_any(text, patterns):
    """A time by the first pattern that fits; null where none does."""


@ibis.udf.scalar.builtin(name="make_timestamp", signature=(("int64",), NAIVE))
def _from_microseconds(count):
    """A time from the microseconds since 1970."""


def as_time(text: StringValue, *, dates: str, zone: str = "UTC") -> Value:
    """The moment, in UTC, that a text says; null where it cannot be read. Times without a zone are in `zone`."""
    if dates in ("epoch_s", "epoch_ms"):
        return _counted(text, dates).cast(TIME)
    if dates == "serial":
        return from_local(_counted(text, dates), zone)
    if "%" in dates:
        return from_local(_by_pattern(text, dates), zone)
    iso = _as_iso(text, dates)
    # each form once: what stands twice in an expression is computed for every row, needed or not
    moment = ibis.coalesce(
        iso.try_cast(TIME), _tidied(iso).try_cast(TIME), _strptime_any(_halved(iso), HALVES).cast(TIME)
    )
    if zone == "UTC":
        return moment
    return ibis.ifelse(iso.re_search(ZONED), moment, from_local(moment.cast(NAIVE), zone))


def is_common(dates: str) -> bool:
    """Whether there is a most common form of `dates`."""
    return dates in COMMON


def plain(text: StringValue, *, dates: str, zone: str) -> Value:
    """The times among texts that are in the most common forms of `dates`; null for all others."""
    year, month, day = (text.substr(at - 1, 4 if part == 0 else 2) for part, at in enumerate(COMMON[dates]))
    marks = [text.substr(at - 1, 1) for at in ((5, 8) if dates == "iso" else (3, 6))]
    long, seconds = text.length(), text.substr(16, 1) == ":"
    common = marks[0].isin([".", "-", "/"]) & (marks[1] == marks[0]) & (long.isin([10, 16]) | ((long == 19) & seconds))
    written = year + "-" + month + "-" + day + text.substr(10)
    return from_local(ibis.ifelse(common, written, ibis.null("string")).try_cast(NAIVE), zone)


def local_of(text: StringValue, *, dates: str) -> Value:
    """What a text says a clock showed, null where it names a zone or counts from 1970."""
    if dates in ("epoch_s", "epoch_ms"):
        return ibis.null(NAIVE)
    shown = as_time(text, dates=dates).cast(NAIVE)
    return shown if dates == "serial" or "%" in dates else ibis.ifelse(text.re_search(ZONED), ibis.null(NAIVE), shown)


def from_local(local: Value, zone: str) -> Value:
    """The moment at which clocks in `zone` showed `local`; of an hour that occurs twice, the second."""
    return local.cast(TIME) if zone == "UTC" else _at_zone(zone, local)


def never_shown(local: Value, zone: str) -> BooleanValue:
    """Whether clocks in `zone` went forward over that time."""
    return _clock_in(zone, _at_zone(zone, local)) != local


def shown_twice(local: Value, zone: str) -> BooleanValue:
    """Whether clocks in `zone` showed that time twice, for they went back."""
    return _clock_in(zone, _at_zone(zone, local) - ibis.interval(hours=1)) == local


def _by_pattern(text: StringValue, pattern: str) -> Value:
    """A time by a pattern, from 1901 on: %Y takes 23 for a year, and what is not in the pattern (infinity) is 1900."""
    local = _strptime(text, pattern)
    return ibis.ifelse(local.year() > 1900, local, ibis.null(NAIVE))


def _as_iso(text: StringValue, dates: str) -> StringValue:
    if dates == "iso":
        return text
    if dates == "year_first":
        return ibis.ifelse(text.re_search(rf"^{TWO}{MARK}[0-9]"), _with_century(text, "", TWO), ibis.null("string"))
    ahead = f"[0-9]{{1,2}}{MARK}[0-9]{{1,2}}{MARK}"
    whole = ibis.ifelse(text.re_search(f"^{ahead}{TWO}{AFTER}"), _with_century(text, ahead, TWO), text)
    day, month = (1, 2) if dates == "day_first" else (2, 1)
    form = f"^([0-9]{{1,2}}){MARK}([0-9]{{1,2}}){MARK}([0-9]{{4}})({AFTER})"
    iso = whole.re_replace(form, rf"\3-\{month}-\{day}\4")
    return ibis.ifelse(iso != whole, iso, ibis.null("string"))


def _with_century(text: StringValue, ahead: str, year: str) -> StringValue:
    """A year of two digits as strptime reads it: from 69 on of the century before."""
    form = rf"^({ahead})({year})"
    return ibis.ifelse(
        text.re_search(f"^{ahead}(69|[7-9])"), text.re_replace(form, r"\119\2"), text.re_replace(form, r"\120\2")
    )


def _tidied(iso: StringValue) -> StringValue:
    """Forms that the engine's cast does not take: 20240131, a comma or a T before the time, a space before a zone."""
    compact = "^([0-9]{4})([0-9]{2})([0-9]{2})(?:[T ]?([0-9]{2})([0-9]{2})([0-9]{2})?)?$"
    spread = iso.re_replace(compact, r"\1-\2-\3 \4:\5:\6").re_replace("[ :]+$", "")
    spaced = spread.re_replace(DATE + r"(?:$|T|,? +)", r"\1-\2-\3 ")
    zoned = spaced.re_replace(r" ?([+-][0-9]{2}):?([0-9]{2})$", r"\1:\2")
    return zoned.re_replace(r"([0-9]) ?(?:UTC|GMT|z)$", r"\1Z").re_replace(r"(?i) *[AP]\.?M\.?$", "?").strip()


def _halved(iso: StringValue) -> StringValue:
    """A time of half a day as HALVES have it."""
    return iso.re_replace(DATE + r"(?:T|,? +)", r"\1-\2-\3 ").re_replace(r"(?i) ?([AP])\.?M\.?$", r" \1M")


def _counted(text: StringValue, dates: str) -> Value:
    """A time from a count of seconds, milliseconds or days; a spreadsheet's fraction of a day to the second."""
    lowest, highest, unit = COUNTED[dates]
    count = text.replace(",", ".").try_cast("float64")
    count = ibis.ifelse(count.between(lowest, highest), count, ibis.null("float64"))
    if dates == "serial":
        return _from_microseconds(((count * unit).round() + SERIAL_EPOCH).cast("int64") * 1_000_000)
    return _from_microseconds((count * unit).round().cast("int64"))
