from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from churn.reports.notebook_page import render
from churn.reports.plots.style import plot
from churn.reports.run_page import mark_reused

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
STAGES = ("features", "train", "evaluate")
ERROR = new_output(
    "error", ename="InvalidData", evalue="<b>orders</b>: no rows", traceback=["\x1b[31mInvalidData\x1b[39m: no rows"]
)


def cell(source: str = "x = 1", *outputs: NotebookNode, **metadata: object) -> NotebookNode:
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def shown(mime: str, value: object, **metadata: object) -> NotebookNode:
    return new_output("display_data", data={mime: value}, metadata=metadata)


@pytest.fixture
def page(tmp_path: Path):
    """Render these cells; the page, parsed."""

    def build(
        *cells: NotebookNode, footer: dict[str, str] | None = None, site: tuple[str, ...] = (), **metadata: object
    ) -> BeautifulSoup:
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = tmp_path / "train.ipynb"
        nbformat.write(new_notebook(cells=list(cells), metadata={"kernelspec": kernel} | metadata), notebook)
        html = render(notebook, tmp_path / "reports" / "train.html", title="Train <cdnow>", footer=footer, site=site)
        return BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser")

    return build


def text(tag: Tag | None) -> str:
    return tag.get_text(" ", strip=True) if tag else ""


def test_code_is_one_click_away_for_the_whole_page_and_without_a_script(page):
    html = page(cell("answer = 42"))
    assert ["answer = 42"] == [code.get_text().strip() for code in html.select(".code pre")]
    assert ("checkbox", False) == (
        html.select_one("label > #show-code")["type"],
        html.select_one("#show-code").has_attr("checked"),
    )
    sheet = html.style.get_text()
    assert ".code { display: none; }" in sheet
    assert ":is(body:has(#show-code:checked), .failed) .code { display: block; }" in sheet


def test_no_prompts(page):
    html = page(new_code_cell("1", execution_count=7, outputs=[shown("text/plain", "1")]))
    assert not re.search(r"(In|Out)\s*\[", html.get_text())


def test_nothing_is_loaded_from_elsewhere(page):
    html = page(
        new_markdown_cell("# Train\n\n$a^2$ and [a link](https://example.org)"),
        cell("1", shown("text/html", pd.DataFrame({"a": [1]}).to_html())),
        cell("2", shown("image/png", PIXEL)),
    )
    assert not html.select("script[src], link, iframe, object, embed, base")
    assert sorted({image["src"][:5] for image in html.select("[src]")}) == ["data:"]
    assert not re.search(r"@import|url\(|fetch\(|import\(", str(html))
    assert html.select_one("meta[http-equiv=Content-Security-Policy]")["content"].startswith("default-src 'none'")


def test_a_page_without_figures_is_small(page):
    assert len(str(page(cell()))) < 15_000


def test_parameters_are_a_folded_table_of_what_this_run_was_given(page):
    html = page(
        cell("horizon_days: int = 30  # days of the `label` <t>\nseed: int = 7", tags=["parameters"]),
        cell("horizon_days = 180", tags=["injected-parameters"]),
        papermill={"parameters": {"horizon_days": 180}},
    )
    rows = [[text(part) for part in row.select("th, td")] for row in html.select("details.parameters tbody tr")]
    assert rows == [["horizon_days", "180", "days of the label <t>"], ["seed", "7", ""]]
    assert "label" == html.select_one("details.parameters tbody td code").get_text()
    assert not html.select(".code, details.parameters[open]")


def test_glued_values_are_invisible(page):
    glued = shown("application/scrapbook.scrap.json+json", {"name": "auc", "data": "secret-0.8053", "version": 1})
    assert "secret-0.8053" not in str(page(cell("sb.glue('auc', auc)", glued)))


def test_progress_bars_are_invisible(page):
    bar = new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}, "text/plain": "0%| |"})
    assert "0%|" not in str(page(cell("run()", bar)))


def test_messages_are_folded(page):
    (log,) = page(cell("fit()", new_output("stream", name="stderr", text="one\ntwo\n"))).select("details.log")
    assert not log.has_attr("open")
    assert (text(log.summary), log.pre.get_text()) == ("messages (2)", "one\ntwo\n")


def folded_page(page, *cells: NotebookNode) -> BeautifulSoup:
    head = new_markdown_cell("## Each segment\n\nShown **here**.", metadata={"tags": ["fold"]})
    return page(new_markdown_cell("# Train"), head, *cells, new_markdown_cell("## After"), cell("after()"))


def test_a_section_tagged_fold_is_closed_under_its_heading_up_to_the_next_one(page):
    html = folded_page(page, cell("first()"), new_markdown_cell("More."), cell("second()"))
    (fold,) = html.select("details.fold")
    assert not fold.has_attr("open")
    assert "Each segment" == text(fold.summary.h2).removesuffix(" #")
    assert ["Shown here .", "More."] == [text(prose) for prose in fold.select(".prose")]
    assert ["first()", "second()"] == [code.get_text().strip() for code in fold.select(".code pre")]
    assert ["Each segment", "After"] == [text(link) for link in html.select("nav ol a")]


def test_a_folded_section_in_which_the_notebook_stopped_is_open(page):
    assert folded_page(page, cell("read()", ERROR)).select_one("details.fold[open] #failed-cell")


def test_a_folded_section_is_printed(page):
    style = folded_page(page, cell()).style.get_text().split("@media print")[1]
    assert "details.fold:not([open]) { display: block; }" in style
    assert ".fold::details-content { content-visibility: visible;" in style


def test_printed_text_is_shown(page):
    html = page(cell("print(1)", new_output("stream", name="stdout", text="<i>1</i>\n")))
    assert text(html.select_one("pre.text")) == "<i>1</i>"


def test_failed_cell_is_open_and_linked_from_the_top(page):
    html = page(new_markdown_cell("# Train"), cell("read()", ERROR), cell("after()"))
    failed = html.select_one("#failed-cell")
    assert failed.select_one(".code pre").get_text().strip() == "read()"
    assert failed.select_one(".error p").get_text() == "InvalidData: <b>orders</b>: no rows"
    assert failed.select_one(".error pre").get_text() == "InvalidData: no rows"
    banner = html.select_one("main > .banner")
    assert banner.a["href"] == "#failed-cell"
    assert "InvalidData: <b>orders</b>: no rows" in text(banner)


def test_the_banner_names_the_section_and_has_the_error_in_one_line(page):
    long = new_output("error", ename="E", evalue="first\nsecond " + 500 * "x", traceback=["E"])
    html = page(new_markdown_cell("# Train\n\n## The <model>"), cell("read()", long))
    assert "This notebook stopped in “The <model>”." == text(html.select_one(".banner strong"))
    reason = html.select_one(".banner .reason").get_text()
    assert reason.startswith("E: first second xxx") and len(reason) <= 400


def test_cells_after_the_failure_are_marked_as_not_run(page):
    html = page(cell("before()"), cell("read()", ERROR), cell("after()"))
    assert [part["class"][-1] for part in html.select("section.cell")] == ["done", "failed", "not-run"]


def test_a_dead_kernel_marks_the_cell_it_died_in(page):
    html = page(cell("os._exit(1)", papermill={"exception": True}))
    assert html.select_one("#failed-cell") and "The kernel died while this cell ran" in text(html.select_one(".banner"))


def test_a_dead_kernel_that_is_told_of_shows_no_empty_traceback(page):
    died = new_output("error", ename="KernelDied", evalue="ended by signal 9", traceback=[])
    html = page(cell("os._exit(1)", died, papermill={"exception": True}))
    assert html.select_one(".error").get_text().strip() == "KernelDied: ended by signal 9"
    assert not html.select(".error pre")


def test_a_notebook_that_ran_through_has_no_banner(page):
    assert not page(cell("1", shown("text/plain", "1"))).select(".banner, #failed-cell, .not-run")


def test_papermills_own_error_notes_are_not_shown(page):
    note = new_markdown_cell("An Exception was encountered", metadata={"tags": ["papermill-error-cell-tag"]})
    assert "An Exception was encountered" not in page(note, cell("read()", ERROR)).get_text()


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "image/svg+xml"])
def test_a_figure_is_described_by_its_section(page, mime):
    html = page(new_markdown_cell("## Calibration\n\nClose."), cell("plot()", shown(mime, PIXEL)))
    assert html.img["alt"] == "Figure: Calibration"


def test_a_figure_before_any_heading_is_described_by_the_title(page):
    assert page(cell("plot()", shown("image/png", PIXEL))).img["alt"] == "Figure: Train <cdnow>"


def test_a_given_description_of_a_figure_is_kept(page):
    given = shown("image/png", PIXEL, **{"image/png": {"alt": "of the output"}})
    html = page(cell("a()", given, alt="of the cell"), cell("b()", shown("image/png", PIXEL), alt="of the cell"))
    assert [image["alt"] for image in html.select("img")] == ["of the output", "of the cell"]


def test_a_figure_of_the_package_is_described_by_its_title(page):
    png, metadata = plot("The candidate is ahead,\nby 0.002", height=1)._repr_png_()
    shown_figure = shown("image/png", b64encode(png).decode(), **{"image/png": metadata})
    html = page(new_markdown_cell("## Ranking"), cell("plot()", shown_figure))
    assert html.img["alt"] == "The candidate is ahead, by 0.002"


def test_a_retina_figure_keeps_its_size_on_the_page(page):
    html = page(cell("plot()", shown("image/png", PIXEL, **{"image/png": {"width": 640, "height": 480}})))
    assert (html.img["width"], html.img["height"]) == ("640", "480")


def test_a_figure_is_never_wider_than_the_page_and_on_paper_in_the_dark_too(page):
    html = page(cell("plot()", shown("image/png", PIXEL)))
    look, *_ = re.findall(r"figure img \{([^}]*)\}", html.style.get_text())
    assert {"max-width: 100%", "height: auto", "background: #fff"} <= {rule.strip() for rule in look.split(";")}


def test_a_table_scrolls_by_the_keyboard_and_is_named_by_its_columns(page):
    table = pd.DataFrame({"auc": [0.81], "rows": [9]})
    (frame,) = page(cell("table", shown("text/html", table.to_html()))).select(".scroll")
    assert ("group", "0", "table: auc, rows") == (frame["role"], frame["tabindex"], frame["aria-label"])


def test_a_heading_without_a_word_is_no_heading(page):
    table = pd.DataFrame({"auc": [0.81]}, index=["basic"])
    html = page(cell("table", shown("text/html", table.to_html())))
    assert (["auc"], 1) == ([text(head) for head in html.select("thead th")], len(html.select("thead td")))


def test_a_table_without_a_row_says_none(page):
    html = page(cell("table", shown("text/html", pd.DataFrame({"auc": [], "rows": []}).to_html(index=False))))
    assert ["none"] == [text(row) for row in html.select("tbody tr")]
    assert "2" == html.select_one("tbody td")["colspan"]


def test_what_unfolds_at_a_click_holds_no_link(page):
    html = page(new_markdown_cell("## Each\n\nAll.", metadata={"tags": ["fold"]}), cell())
    assert ("Each", []) == (text(html.select_one("details.fold > summary h2")), html.select("summary a"))


def test_a_failed_page_opens_at_the_failed_cell_unless_its_address_names_a_place(page):
    script = page(cell("read()", ERROR)).find_all("script")[-1].get_text()
    opens = re.search(r"if \(failed && !location\.hash\).*failed\.scrollIntoView", script)
    assert ("failed-cell" in script, True) == (True, bool(opens))


def test_contents_lead_to_every_section(page):
    html = page(new_markdown_cell("# Train\n\n## Data in\n\n### Rows"), new_markdown_cell("## Model & *fit*"))
    links = html.select("nav a")
    assert [text(link) for link in links] == ["Data in", "Model & fit"]
    assert [text(html.find(id=link["href"][1:])).rstrip(" #") for link in links] == ["Data in", "Model & fit"]


def test_the_title_is_the_heading_where_the_notebook_has_none(page):
    assert [text(heading) for heading in page(cell()).select("h1")] == ["Train <cdnow>"]
    assert [text(heading) for heading in page(new_markdown_cell("# Mine")).select("h1")] == ["Mine #"]


def test_columns_of_numbers_are_marked_and_words_are_not(page):
    table = pd.DataFrame({"auc": [0.81, None], "rows": ["1,200", "9"], "verdict": ["better", "2 worse"]})
    html = page(cell("table", shown("text/html", table.rename_axis("segment").to_html())))
    assert [text(head) for head in html.select(".scroll thead th.number")] == ["auc", "rows"]
    assert len(html.select(".scroll td.number")) == 4


def test_index_names_share_the_row_of_the_column_names(page):
    table = pd.DataFrame({"auc": [0.81]}, index=pd.Index(["basic"], name="plan"))
    html = page(cell("table", shown("text/html", table.to_html())))
    assert [[text(head) for head in row.select("th")] for row in html.select("thead tr")] == [["plan", "auc"]]


def test_tables_keep_two_rows_of_names_where_both_say_something(page):
    table = pd.crosstab(pd.Series(["a", "b"], name="plan"), pd.Series(["x", "y"], name="country"))
    assert len(page(cell("table", shown("text/html", table.to_html()))).select("thead tr")) == 2


def test_footer_shows_the_run(page):
    html = page(cell(), footer={"run": "8f2e1c0a", "commit": "1a2b <dirty>"})
    shown_pairs = [(text(entry.dt), text(entry.dd)) for entry in html.select("footer dl div")]
    assert shown_pairs == [("run", "8f2e1c0a"), ("commit", "1a2b <dirty>")]


def test_footer_leads_to_the_parameters(page):
    parameters = cell("seed: int = 7", tags=["parameters"])
    links = page(parameters, footer={"run": "8f"}, site=STAGES).select("footer a")
    assert [link["href"] for link in links] == ["#parameters", "index.html#parameters"]
    (alone,) = (html := page(parameters, footer={"run": "8f"})).select("footer a")
    assert alone["href"] == "#parameters" and html.select_one("details#parameters")
    assert not page(cell(), footer={"run": "8f"}).select("footer a")


def test_no_footer_where_nothing_is_to_say(page):
    assert not page(cell()).select("footer")


def test_a_page_that_cannot_be_written_leaves_the_earlier_one_and_nothing_else(page, tmp_path):
    page(cell(), footer={"run": "first"})
    with pytest.raises(UnicodeEncodeError):
        page(cell(), footer={"run": "\udcff"})
    (left,) = (tmp_path / "reports").iterdir()
    assert left.name == "train.html"
    assert "first" in left.read_text()


def test_a_page_of_a_site_leads_to_its_neighbours_and_to_the_whole_run(page):
    html = page(cell(), site=STAGES)
    assert [link["href"] for link in html.select(".pager a")] == ["features.html", "index.html", "evaluate.html"]
    assert html.select_one("nav a.up")["href"] == "index.html"


def test_the_first_and_the_last_page_have_one_neighbour(page):
    first, last = (page(cell(), site=site).select(".pager a") for site in (STAGES[1:], STAGES[:2]))
    assert [link["href"] for link in first] == ["index.html", "evaluate.html"]
    assert [link["href"] for link in last] == ["features.html", "index.html"]


def test_after_a_failure_there_is_no_next_page(page):
    links = page(cell("read()", ERROR), site=STAGES).select(".pager a")
    assert [link["href"] for link in links] == ["features.html", "index.html"]


def test_a_page_that_stands_alone_links_to_no_other(page):
    assert [link["href"] for link in page(new_markdown_cell("# T"), cell()).select("a")] == ["#T"]


def test_a_report_can_be_marked_as_reused_without_rendering_it_again(page, tmp_path):
    page(new_markdown_cell("<!--reused-->old<!--/reused-->"))
    made = mark_reused(tmp_path / "reports/train.html", tmp_path / "again.html", run_id="aa", source_run="bb")
    html = BeautifulSoup(made.read_text(), "html.parser")
    assert text(html.select_one("main > .reused")) == "Reused in run aa ; executed in run bb ."
    assert "old" in text(html.select_one(".prose"))
