"""The README agrees with the code: its tree captions every file, its table has every setting."""

from infra.readme import README, rewritten


def test_the_tree_and_the_settings_are_those_of_the_code():
    assert rewritten(README.read_text()) == README.read_text(), "run `python -m infra.readme`"


def test_the_readme_marks_where_they_go():
    for marker in ("<!-- tree -->", "<!-- settings -->"):
        assert marker in README.read_text()
