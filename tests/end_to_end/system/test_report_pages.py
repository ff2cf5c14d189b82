"""The pages of real runs in a real browser: one that ended well, one that failed, and one under way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import browser
from tests.end_to_end.system.workplace import Workplace

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
STAGES = ("features", "monitor", "train", "evaluate", "promote", "score", "log")


@pytest.fixture(scope="module")
def pages(undisturbed, tmp_path_factory, empty_state) -> dict[str, Path]:
    """Name -> page: each stage's and the index of the run that ended well, those of a failed run, one under way."""
    (whole, *_) = [page.parent for page in sorted((undisturbed / "state/runs").glob("*/score.html"))]
    failed, under_way = _failed(tmp_path_factory.mktemp("failed"), empty_state)
    found = {name: whole / f"{name}.html" for name in ("index", *STAGES)}
    return found | {f"failed {page.stem}": page for page in failed.glob("*.html")} | {"under way": under_way}


def _failed(folder: Path, empty_state) -> tuple[Path, Path]:
    """The folder of a run whose first stage fails, and a copy of its index as it was while that ran."""
    place = Workplace.make(folder)
    empty_state(place.state)
    waiting = folder / "waiting.html"
    keep = f"import glob, shutil; shutil.copy(glob.glob('{place.state}/runs/*/index.html')[0], '{waiting}')"
    place.insert("features", "Features as of each snapshot", f"{keep}\nraise ValueError('<b>it is over</b>')")
    assert 1 == place.run("--stages", "features").returncode
    (index,) = (place.state / "runs").glob("*/index.html")
    return index.parent, waiting


def test_the_slider_is_moved_by_the_keyboard_and_says_what_it_shows(pages):
    with browser.chromium() as chromium, browser.opened(chromium, pages["evaluate"]) as page:
        rows = page.evaluate("JSON.parse(document.getElementById('choices').textContent).rows")
        slider = page.locator("#choice")
        slider.focus()
        page.keyboard.press("Home")
        assert slider.get_attribute("aria-valuetext").startswith("0 customers contacted: 0 (0%) leavers caught")
        page.keyboard.press("ArrowRight")
        contacted, leavers = page.inner_text("[data-of=contacted]"), page.inner_text("[data-of=leavers]")
        assert (f"{rows[1][0]:,.0f}", f"{rows[1][1]:,.0f} (") == (contacted, leavers[: leavers.index("(") + 1])
        assert slider.get_attribute("aria-valuetext").startswith(f"{contacted} customers contacted: {leavers}")


def test_without_a_script_the_choices_are_a_table_and_the_code_is_one_click_away(pages):
    with (
        browser.chromium() as chromium,
        browser.opened(chromium, pages["evaluate"], java_script_enabled=False) as page,
    ):
        assert (False, True) == (page.locator("#choice").is_visible(), page.locator(".choice table").is_visible())
        code = page.locator(".code").first
        assert not code.is_visible()
        page.check("#show-code")
        assert code.is_visible()


def test_no_page_of_a_run_has_a_fault_in_light_or_dark_wide_or_narrow(pages):
    with browser.chromium() as chromium:
        found = {name: browser.faults(chromium, page) for name, page in pages.items()}
    assert {name: [] for name in pages} == found
