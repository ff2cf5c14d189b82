"""What becomes of a name that a user gave: it stays, or gets one that every library can hold and nothing else has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn import names

KEPT = ["Tenure in Months", "_fivetran_charges", "2023_total", "class", "charges.month", "größe", "a__b", "n" * 200]
PAIRS = st.lists(st.tuples(st.sampled_from(["", "users", "Users"]), st.text(alphabet="aA_y: é\n.", max_size=4)))


def columns(*given: tuple[str, str], taken: tuple[str, ...] = ()) -> list[str]:
    return names.distinct(given, form=names.column, taken=taken)


@pytest.mark.parametrize("name", KEPT)
def test_a_name_that_every_library_can_hold_stays(name):
    assert [name] == columns(("users", name), taken=("snapshot",))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("loyalty_y", "loyalty_y_"),
        ("ratio 1:2", "ratio 1_2"),
        ("Aantal\n(stuks)", "Aantal (stuks)"),
        ("\t", "unnamed"),
        ("Snapshot", "users.Snapshot"),
    ],
)
def test_a_name_that_a_library_cannot_hold_or_that_is_taken_becomes_another(given, expected):
    assert [expected] == columns(("users", given), taken=("snapshot",))


def test_names_that_libraries_do_not_tell_apart_say_whose_they_are():
    assert ["users.plan", "usage.Plan"] == columns(("users", "plan"), ("usage", "Plan"))
    assert ["users.a_b", "a_b"] == columns(("users", "a:b"), ("usage", "a_b"))


@pytest.mark.parametrize("twice", [("users", "days"), ("", "days"), ("Users", "a:b")])
def test_one_owner_s_names_end_in_a_digest(twice):
    first, second = columns(twice, twice)
    assert first != second
    assert {"days", "a_b"} & {first[:-9], second[:-9]}


@given(PAIRS, st.randoms(use_true_random=False))
def test_names_are_distinct_in_any_case_not_taken_and_hang_on_no_order(given, random):
    taken = ("a", "users.A", "_y")
    called = columns(*given, taken=taken)
    assert len(given) == len({name.lower() for name in called} - {name.lower() for name in taken})
    assert called == [names.column(name) for name in called]
    once = list(dict.fromkeys(given))
    shuffled = random.sample(once, len(once))
    again = dict(zip(shuffled, columns(*shuffled, taken=taken), strict=True))
    assert columns(*once, taken=taken) == [again[pair] for pair in once]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Gift card", "gift_card"),
        ("  Buy 2, get 1!", "buy_2_get_1"),
        ("Größe/Länge", "größe_länge"),
        ("購入", "購入"),
        ("!", "unnamed"),
    ],
)
def test_a_slug_has_letters_digits_and_underscores_of_any_script(kind, expected):
    assert expected == names.slug(kind)


@pytest.mark.parametrize("long", ["k" * 200, "ü" * 90, "購" * 60])
def test_a_long_slug_ends_in_a_digest_and_begins_a_file_s_name(long, tmp_path):
    slugs = {names.slug(long), names.slug(long + "x")}
    assert len(slugs) == 2
    for slug in slugs:
        (tmp_path / f".{slug}.parquet.4194304.tmp").touch()


@pytest.mark.parametrize("table", ["users", "Usage_30d", "größe"])
def test_a_table_s_view_is_called_like_it_where_that_is_a_word(table):
    assert table == names.table(table)
    assert "usage_data_1" == names.table("Usage data (1)")
