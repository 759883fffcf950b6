"""Checks a recipe's values against the ranges they make sense in."""

from trainer.errors import RecipeError


def check(is_good: bool, key: str, value: object, expected: str) -> None:
    if not is_good:
        raise RecipeError(f"recipe: {key} is {value!r}", f"it must be {expected}")
