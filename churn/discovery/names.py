"""How much a column's name speaks for a role: 0 not at all, 1 for certain."""

from __future__ import annotations

from churn.discovery import vocabulary as v

DATED = ("date", "datum", "time", "timestamp", "datetime", "fecha")  # also as a part of a longer word
UNIT = ("unit", "per", "each", "stuk", "stuck", "stueck", "unitario", "unitaire", "list", "einzel")
WEAK = ("company", "login", "contact")  # persons only where no other one is named
NAME = ("name", "naam", "nom", "nombre")
EXCLUDED = ("ht", "excl", "excluding", "ex", "exkl", "net", "netto", "zzgl", "without", "untaxed")
DESCRIBED = tuple(v.WORDS["described"].split())
LINKS = ("", "s", "n", "en", "es", "e")  # between the parts of a Dutch or German word


def customer(name: str) -> float:
    """Of a customer's id: its head is a person (`order_customer_id`), best of all with a word for an id."""
    if v.has_word(name, v.EMAIL) or "@" in name:
        return 0.5
    head, identified = _head(name)
    if head in v.PERSON:
        return 0.7 if head in WEAK else 1.0 if identified else 0.9
    if compound := _compound(head):
        return 1.0 if compound == "id" or identified else 0.9
    if head == "card" and identified:  # alone it is a way to pay
        return 0.7
    if v.words(name) == ("id",):
        return 0.35
    if any(word in v.PERSON for word in v.words(name)) and head in NAME:
        return 0.3
    return 0.0


def of_something_else(name: str) -> bool:
    """Whether it names an order, goods or a text, of which each may come again too, or is the name of no person."""
    named = len(v.words(name)) > 1 and v.words(name)[-1] in NAME
    return v.has_word(name, DESCRIBED) or event_id(name) >= 0.5 or (named and not customer(name))


def when(name: str) -> float:
    """Of the time of an event, rather than of what came later (shipped, updated), or is of the customer."""
    if v.has(name, v.LATER) or v.has_word(name, v.ARRIVED):
        return 0.1
    happened, plain = v.has(name, v.HAPPENED), v.has_word(name, v.WHEN) or v.has(name, DATED)
    return 0.95 if happened and plain else 0.9 if happened else 0.85 if plain else 0.5


def arrived(name: str) -> float:
    """Of the time at which a row reached the log."""
    return 0.9 if v.has_word(name, v.ARRIVED) else 0.0


def signed_up(name: str) -> float:
    """Of the time of sign-up."""
    if v.has_word(name, [w for w in v.LATER if w not in ("last",)]) or v.has_word(name, ["last", "updated", "birth"]):
        return 0.1
    return 0.95 if v.has(name, v.SIGNED_UP) else 0.6 if v.has_word(name, v.WHEN) else 0.4


def amount(name: str) -> float:
    """Of what an event was worth: a total before an amount before a price; minutes; how many."""
    said = v.words(name)
    taxed = v.has_word(name, v.NO_VALUE) and not ({*said} & {*v.INCLUDED})
    if taxed or _is_id(name) or v.has_word(name, ["tip", "discount", "shipping", "korting", "rabatt"]):
        return 0.0
    if unit(name):
        return 0.5
    if v.has(name, v.MONEY):
        exact = len(said) == 1 or "total" in said or said[-1] in ("amount", "bedrag", "betrag", "revenue")
        part = 0.1 if "subtotal" in "".join(said) else 0.04 if {*said} & {*EXCLUDED} else 0.0
        return (0.9 if v.has(name, v.TOTAL) else 0.8) + (0.05 if exact else 0) - part
    return 0.7 if v.has_word(name, v.AMOUNT) else 0.0


def unit(name: str) -> bool:
    """Whether it is the price of one piece."""
    return v.has(name, ["unitprice", "einzelpreis", "stukprijs", "stueckpreis"]) or (
        v.has(name, ["price", "prijs", "preis", "prix", "precio"])
        and (v.has_word(name, UNIT)
             or v.words(name)[0] in ("stuk", "einzel"))
    )  # fmt: skip


def price(name: str) -> bool:
    """Whether it may be the price of one piece, where there is a number of pieces."""
    return v.has(name, ["price", "prijs", "preis", "prix", "precio", "tarief", "rate"]) and not v.has_word(
        name, ["total", "totaal", "gesamt", "line", "order", "sum"]
    )


def price_of_one(name: str) -> bool:
    """Whether it is so for certain: `item price` may be that of all pieces together."""
    return unit(name) or len(v.words(name)) == 1


def quantity(name: str) -> bool:
    """Whether it is a number of pieces."""
    return v.has_word(name, v.QUANTITY) or v.has(name, ["quantity", "aantal", "anzahl", "menge"])


def kind(name: str) -> float:
    """Of the kind of event; a `type` of something else (product, customer) is none."""
    said = [word for word in v.words(name) if word not in v.IDENTIFIER and word not in ("name", "naam")]
    if not said or said[-1] not in v.KIND:
        return 0.0
    others = [word for word in said[:-1] if word not in v.EVENTLIKE and word not in v.KIND]
    return 0.0 if others else 0.95 if len(said) > 1 or said[0] not in ("type", "typ", "tipo") else 0.85


def event_id(name: str) -> float:
    """Of an event that may have several lines: an order, an invoice."""
    head, identified = _head(name)
    if _compound(head) or head in v.PERSON:
        return 0.0
    if head in ("line", "row", "regel", "zeile", "item", "product", "sku", "article", "stock", "ean", "variant"):
        return 0.0
    if head in v.EVENT_ID or v.has(head or "", v.EVENT_ID):
        return 0.95 if identified or len(v.words(name)) == 1 else 0.5
    return 0.3 if v.words(name) in (("name",), ("number",), ("nr",), ("no",), ("document",)) else 0.0


def _is_id(name: str) -> bool:
    said = v.words(name)
    return (bool(said) and said[-1] in {*v.IDENTIFIER} - {"num", "number", "no", "nr", "cd", "key"}) or bool(
        said and said[-1] in ("number", "nr", "no", "nummer", "key") and len(said) > 1
    )


def _head(name: str) -> tuple[str, bool]:
    """The word that says what a column is of, and whether a word for an id stands beside it."""
    said = list(v.words(name))
    left = [word for word in said if word not in v.IDENTIFIER and word not in v.ADJECTIVES and not word.isdigit()]
    identified = any(word in v.IDENTIFIER for word in said)
    return (left[-1] if left else "", identified)


def _compound(word: str) -> str:
    """`id` of klantnummer, `person` of klanten, nothing of klantnaam and of what is no person."""
    for person in sorted((one for one in v.PERSON if len(one) >= 3), key=len, reverse=True):
        if not word.startswith(person):
            continue
        rest = word[len(person) :]
        if rest in LINKS and len(person) >= 4:
            return "person"
        if any(rest.startswith(link) and rest[len(link) :] in v.IDENTIFIER for link in LINKS):
            return "id"
    return ""
