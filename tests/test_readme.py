"""Pages agree with what they tell of: README's tree captions every file, its table has every setting, links lead on."""

import re
from urllib.parse import unquote

import pytest

from infra.readme import README, rewritten


def test_the_tree_and_the_settings_are_those_of_the_code():
    assert rewritten(README.read_text()) == README.read_text(), "run `python -m infra.readme`"


def test_the_readme_marks_where_they_go():
    for marker in ("<!-- tree -->", "<!-- settings -->"):
        assert marker in README.read_text()


PAGES = [README, *sorted((README.parent / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_kept_with_it(page):
    links = re.findall(r"\]\(([^)\s#]+)", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL))
    targets = {(page.parent / unquote(link)).resolve() for link in links if "://" not in link and "@" not in link}
    assert [str(each) for each in sorted(targets) if not each.exists()] == []
