"""A recipe is checked to the last key."""

import pytest

from trainer.errors import RecipeError
from trainer.recipe import Recipe, read_recipe, recipe_of


@pytest.mark.parametrize(("toml", "says"), [
    ("encodr = 'minilm'", "did you mean 'encoder'"),
    ("encoder = 'bert'", "minilm, subword, subword:<folder> or hf:"),
    ("[gate]\nmargn = 0.1", "'gate.margn'.*'margin'"),
    ("[gate]\nmargin = 'wide'", "gate.margin is 'wide'.*a number"),
    ("[gate]\nmargin = 2", "0 to 1"),
    ("[export]\nprecision = 'int4'", "fp32 or int8 or fp16"),
    ("seed = true", "a whole number"),
    ("head = 3", "a table"),
    ("[head]\nstrengths = 4", "a list"),
    ("encoder = ", "not TOML"),
])
def test_a_wrong_recipe_is_refused_naming_the_key_and_what_would_do(toml, says, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(toml)

    with pytest.raises(RecipeError, match=says):
        read_recipe(file)


def test_a_stored_recipe_reads_back_as_the_same(tmp_path):
    recipe = recipe_of({"encoder": "subword", "head": {"strengths": [1, 2.5]}})

    assert recipe_of(recipe.to_dict()) == recipe != Recipe()


def test_a_recipe_never_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("HYPERMATCH_TRAINER_ENCODER", "subword")

    assert Recipe().encoder == "minilm"


def test_a_recipe_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")
