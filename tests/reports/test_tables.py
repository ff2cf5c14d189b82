"""Tables for people."""

import pandas as pd
from bs4 import BeautifulSoup

from churn.reports import tables


def test_a_feature_is_told_by_its_meaning_with_its_name_small_and_by_its_name_where_nothing_is_known():
    rows = pd.DataFrame({"feature": ["a<b", "the score itself"], "moved": [0.1, 0.2]})
    html = BeautifulSoup(tables.table(rows, meanings={"a<b": "days <i>since"}).to_html(), "html.parser")
    told, plain = html.select("tbody tr td:first-child")
    assert ("days <i>since", "a<b") == (told.find(string=True), told.select_one("small code").get_text())
    assert "the score itself" == plain.decode_contents()
