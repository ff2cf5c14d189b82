"""What holds for every place in which features are online. A test file brings `place`, and `code` that makes it anew.

In the rows of these tests stands the name of the snapshot that wrote them, and nothing else.
"""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from churn import state
from churn.features.online.snapshot import Online, View

COLUMNS = (("a", "integer"),)
VIEWS = ["profile_1", "visit 1"]
CUSTOMERS = [f"c{n:05d}" for n in range(2_000)]


def put(place, snapshot: str, *, customers: list[str] = CUSTOMERS, views: list[str] = VIEWS) -> None:
    with place.locked(), place.replacing(Online(snapshot, "of", {view: View(COLUMNS) for view in views})) as write:
        for view in views:
            for begins in range(0, len(customers), 500):
                batch = customers[begins : begins + 500]
                write(view, batch, [snapshot.encode()] * len(batch))


def seen(place, customers: list[str], views: list[str] = VIEWS) -> set[str | None]:
    """What stands in the rows of these customers in all views, and what is said to be online; None: no row."""
    online, rows = place.read(views, customers)
    found = {None if 0 in sizes else "row" for _, sizes in rows} - {"row"}
    for data, sizes in rows:
        ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
        found |= {data[end - size : end].decode() for end, size in zip(ends, sizes, strict=True) if size}
    return found | {online.snapshot}


def test_nothing_is_online_at_first(place):
    assert Online() == place.online()


def test_what_is_online_is_said_beside_the_rows(place):
    put(place, "2024-01-01")
    online = place.online()
    assert ("2024-01-01", "of", set(VIEWS)) == (online.snapshot, online.content, set(online.views))
    assert COLUMNS == online.views["visit 1"].columns


def test_rows_come_in_the_order_that_was_asked_for_and_as_often(place):
    with place.locked(), place.replacing(Online("t", "of", {"v": View(COLUMNS)})) as write:
        write("v", ["ann", "b\0b", "ç"], [b"1", b"22", b"3\0\xff"])
    _, [(data, sizes)] = place.read(["v"], ["ç", "nobody", "ann", "b\0b", "ç", "b"])
    assert (b"3\0\xff1223\0\xff", [3, 0, 1, 2, 3, 0]) == (data, sizes)


def test_whoever_is_not_in_the_snapshot_is_not_online(place):
    put(place, "2024-01-01")
    put(place, "2024-02-01", customers=CUSTOMERS[1:])
    assert {None, "2024-02-01"} == seen(place, CUSTOMERS[:1])
    assert {"2024-02-01"} == seen(place, CUSTOMERS[1:9])


def test_one_customer_is_erased_from_every_view_and_what_is_online_stays(place):
    assert 0 == place.erase(CUSTOMERS[0])
    put(place, "2024-01-01")
    online = place.online()
    assert 2 == place.erase(CUSTOMERS[0], plan=True)
    assert {"2024-01-01"} == seen(place, CUSTOMERS[:9])
    assert 2 == place.erase(CUSTOMERS[0])
    assert {None, "2024-01-01"} == seen(place, CUSTOMERS[:1])
    assert {"2024-01-01"} == seen(place, CUSTOMERS[1:9])
    assert online == place.online()


def test_views_of_another_definition_stay_as_they_are(place):
    put(place, "2024-01-01")
    put(place, "2024-02-01", views=["profile_2"])
    put(place, "2024-03-01", views=["profile_3"])
    assert {*VIEWS, "profile_2", "profile_3"} == set(place.online().views)
    assert {"2024-01-01", "2024-03-01"} == seen(place, CUSTOMERS[:3])
    assert {"2024-02-01", "2024-03-01"} == seen(place, CUSTOMERS[:3], ["profile_2"])


def test_readers_see_one_snapshot_at_a_time_however_often_it_changes(place):
    put(place, "0")
    done, each = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            each.append(seen(place, CUSTOMERS[::250]))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 9):
        put(place, f"{number}")
    done.set()
    for reader in readers:
        reader.join()
    assert [] == [found for found in each if len(found) != 1]
    assert len({found.pop() for found in each}) > 1


def test_of_two_writers_the_second_waits_and_both_leave_whole_snapshots(place, another):
    writers = [threading.Thread(target=put, args=(one, name)) for one, name in ((place, "1"), (another, "2"))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert seen(place, CUSTOMERS) in ({"1"}, {"2"})


WRITER = """
import sys
{code}
from tests.features.online import whole
online = whole.Online("2", "of", {{view: whole.View(whole.COLUMNS) for view in whole.VIEWS}})
with place.locked(), place.replacing(online) as write:
    for view in whole.VIEWS:
        for begins in range(0, 2000, 500):
            print("writes", flush=True)
            batch = whole.CUSTOMERS[begins:begins + 500]
            write(view, batch, [b"2"] * len(batch))
    print("puts it in place", flush=True)
print("ends", flush=True)
"""


@pytest.mark.parametrize("after", [1, 2, 5, 8, 9, 10])
def test_a_writer_that_is_killed_leaves_a_whole_snapshot_and_the_same_command_finishes(place, code, after):
    put(place, "1")
    command = [sys.executable, "-c", WRITER.format(code=code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=state.PROJECT, text=True) as writer:
        told = [writer.stdout.readline() for _ in range(after)]
        writer.kill()
    assert told[-1], "the writer has failed"
    assert seen(place, CUSTOMERS) in ({"1"}, {"2"})
    subprocess.run(command, check=True, cwd=state.PROJECT, stdout=subprocess.DEVNULL)
    assert {"2"} == seen(place, CUSTOMERS)
    assert_nothing_is_left(place)


def assert_nothing_is_left(place) -> None:
    """Not a row but those of the views that are online."""
    place.assert_nothing_is_left()


def test_rows_that_are_written_beside_a_snapshot_are_read_with_it_and_it_counts_as_whole_no_more(place):
    put(place, "1", customers=["ann"])
    place.put("visit 1", COLUMNS, ["bob", "ann"], [b"b", b"a"])
    _, [(data, sizes)] = place.read(["visit 1"], ["ann", "bob"])
    assert ((b"ab", [1, 1]), ("1", "")) == ((data, sizes), (place.online().snapshot, place.online().content))


def test_rows_with_other_columns_take_the_place_of_all_rows_of_their_view(place):
    put(place, "1", customers=["ann"])
    place.put("visit 1", (("b", "number"),), ["bob"], [b"b"])
    online, [(data, sizes)] = place.read(["visit 1"], ["ann", "bob"])
    assert ((("b", "number"),), b"b", [0, 1]) == (online.views["visit 1"].columns, data, sizes)


def test_rows_can_be_the_first_that_are_online(place):
    place.put("visit 1", COLUMNS, ["bob"], [b"b"])
    assert (b"b", [1]) == place.read(["visit 1"], ["bob"])[1][0]


def test_views_can_be_taken_off(place):
    put(place, "1")
    place.drop(["visit 1", "never there"])
    assert {"profile_1"} == set(place.online().views)
    assert {"1"} == seen(place, CUSTOMERS[:2], ["profile_1"])


def test_what_was_taken_off_altogether_is_not_online(place):
    put(place, "1")
    place.remove()
    assert Online() == place.online()
