"""What people call the columns of an event log, in English, Dutch, German, French and Spanish: vocabulary.yaml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import yaml

WORDS = yaml.safe_load(Path(__file__).with_name("vocabulary.yaml").read_text(encoding="utf-8"))
NOUNS = {noun: tuple(words.split()) for noun, words in WORDS.pop("nouns").items()}
(
    PERSON, IDENTIFIER, ADJECTIVES, EMAIL, WHEN, HAPPENED, LATER, ARRIVED, SIGNED_UP, MONEY, TOTAL,
    NO_VALUE, INCLUDED, AMOUNT, QUANTITY, KIND, EVENTLIKE, STATUS, EVENT_ID, SEGMENT,
) = (tuple(WORDS[name].split()) for name in (
    "person", "identifier", "adjectives", "email", "when", "happened", "later", "arrived", "signed_up", "money",
    "total", "no_value", "included", "amount", "quantity", "kind", "eventlike", "status", "event_id", "segment",
))  # fmt: skip

CANCELLED = re.compile(
    r"cancel|churn|unsubscri|terminat|opzeg|opgezeg|k[uü]e?ndig|r[eé]sili|\bbaja\b|closed?[_ -]?account|deactivat"
    r"|account[_ -]?(?:closed|deleted)|\bended?\b|subscription[_ -]?(?:deleted|ended)|expired|lapsed|quit\b|\bleft\b"
    r"|uitschrij",
    re.IGNORECASE,
)
BACKWARD = re.compile(
    r"return|refund|retour|r[uü]e?ck|storn|chargeback|credit|gutschrift|rembours|devol", re.IGNORECASE
)
PASSIVE = re.compile(
    r"fail|declin|bounce|(?:email|mail|push|sms|newsletter)[_ -]?(?:sent|deliver)|mislukt|fehlgeschlagen|impression"
    r"|reminder|dunning|overdue|unpaid|\bsent\b",
    re.IGNORECASE,
)
UNDONE = re.compile(
    r"cancel|annul|storn|fail|declin|refus|abgelehnt|void|draft|pending|reject|unpaid|expired|abandon|geannuleerd"
    r"|mislukt|refunded|voided|trash",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, small and without accents: `CustomerID`, `customer-id` and `Customer ID` are the same."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"IDs\b", "ids", plain)
    parted = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3 \2\4", plain)
    return tuple(re.findall(r"[a-z]+|[0-9]+", parted.lower()))


@lru_cache(maxsize=65_536)
def _is_of(word: str, listed: tuple[str, ...]) -> bool:
    return word in listed or any(
        len(one) >= 4 and len(word) > len(one) + 1 and (word.startswith(one) or word.endswith(one)) for one in listed
    )


def has(name: str, listed: Collection[str]) -> bool:
    """Whether a name has one of the words in it, alone or as a part of a longer one (`klantnummer`)."""
    return any(_is_of(word, tuple(listed)) for word in words(name))


def has_word(name: str, listed: Collection[str]) -> bool:
    """Whether a name has one of the words in it as a whole word."""
    return bool({*words(name)} & {*listed})


def is_known(name: str) -> bool:
    """Whether a name is one that a column of a log might have: a line of such names is the header."""
    every = (PERSON, WHEN, HAPPENED, MONEY, QUANTITY, KIND, STATUS, EVENT_ID, SIGNED_UP, EMAIL, AMOUNT, IDENTIFIER)
    return len(name) <= 60 and any(has_word(name, listed) for listed in every)
