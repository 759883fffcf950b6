"""Where classes are few, consistency training refines the student; a few labels never make it boundlessly sure."""

import numpy as np
import pytest

from trainer.learning.calibration import fit_joint_temperature, fit_temperature
from trainer.learning.embedded import Labeled
from trainer.learning.in_domain import Domain
from trainer.learning.neighborhood import neighborhood
from trainer.learning.refinement import refined
from trainer.recipe import HeadRecipe, InDomainRecipe

N_CLASSES, D = 4, 24
EQUAL = np.full(N_CLASSES, 1 / N_CLASSES)


def texts(n_per_class, seed, share=(1.0, 1.0, 1.0, 1.0)):
    """Classes that are clouds, of the given shares."""
    centers = np.random.default_rng(1).standard_normal((N_CLASSES, D))
    generator = np.random.default_rng(seed)
    classes = np.repeat(np.arange(N_CLASSES), [int(n_per_class * each) for each in share])
    vectors = centers[classes] + 1.1 * generator.standard_normal((len(classes), D))
    return Labeled((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), classes, N_CLASSES)


def blurred(labeled, right=0.55, seed=0):
    """Guesses of a student that is right more often than not, surer where it is right."""
    generator = np.random.default_rng(seed)
    guesses = generator.dirichlet(np.ones(N_CLASSES), len(labeled)) * (1 - right)
    guesses[np.arange(len(labeled)), labeled.classes] += right * generator.uniform(0.3, 1.0, len(labeled))
    return guesses / guesses.sum(axis=1, keepdims=True)


def test_boundaries_move_to_where_the_bank_is_thin():
    bank, human = texts(300, seed=5), texts(2, seed=6)
    before = blurred(bank)
    after = refined(human, bank.vectors, before, EQUAL, InDomainRecipe(), seed=0)

    right = [(each.argmax(axis=1) == bank.classes).mean() for each in (before, after)]
    assert right[1] > right[0] + 0.03
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-5)


def test_a_class_that_fills_the_bank_keeps_its_share():
    parts = (4, 1, 0.5, 0.5)
    bank, human = texts(200, seed=5, share=parts), texts(2, seed=6)
    found = []
    for prior in (np.array(parts) / sum(parts), EQUAL):
        after = refined(human, bank.vectors, blurred(bank, right=0.35), prior, InDomainRecipe(), seed=0)
        found.append((after.argmax(axis=1) == 0).mean())
    assert found[0] > 0.5
    assert found[0] > found[1] + 0.02


def test_a_bank_without_any_label_is_refined_too():
    bank = texts(100, seed=5)
    none = Labeled(bank.vectors[:0], bank.classes[:0], N_CLASSES)
    assert refined(none, bank.vectors, blurred(bank), EQUAL, InDomainRecipe(), seed=0).shape == (len(bank), N_CLASSES)


def test_the_same_seed_refines_the_same():
    bank, human = texts(60, seed=5), texts(2, seed=6)
    first, second = (refined(human, bank.vectors, blurred(bank), EQUAL, InDomainRecipe(refine_steps=20), seed=3)
                     for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("recipe", "is_refined"), [
    (InDomainRecipe(), True), (InDomainRecipe(refine="never"), False),
    (InDomainRecipe(refine_classes=3), False), (InDomainRecipe(refine="always", refine_classes=3), True)])
def test_the_recipe_says_whether_a_student_is_refined(recipe, is_refined):
    human, bank = texts(2, seed=6), texts(50, seed=5)
    domain = Domain(neighborhood(np.concatenate([human.vectors, bank.vectors]), 10), None)
    rows = np.arange(len(human))
    plain = domain.teach(rows, human, InDomainRecipe(refine="never"), HeadRecipe(), 0)
    found = domain.teach(rows, human, recipe, HeadRecipe(), 0)
    assert (not np.allclose(found.linear, plain.linear)) == is_refined
    np.testing.assert_array_equal(found.pseudo_labels, plain.pseudo_labels)


def test_a_few_labels_all_answered_right_do_not_make_a_head_boundlessly_sure():
    generator = np.random.default_rng(0)
    classes = generator.integers(0, N_CLASSES, 30)
    held_out = 4 * np.eye(N_CLASSES)[classes] + generator.standard_normal((30, N_CLASSES)) * 0.1
    bank = 2 * generator.standard_normal((500, N_CLASSES))
    targets = np.exp(bank) / np.exp(bank).sum(axis=1, keepdims=True)                 # what the bank asks for is 1

    alone = fit_temperature(held_out, classes)
    few = fit_joint_temperature(held_out, classes, bank, targets, 20)
    many = fit_joint_temperature(np.tile(held_out, (200, 1)), np.tile(classes, 200), bank, targets, 20)
    assert alone < 0.2 and few > 0.5
    assert alone < many < few                         # the more labels, the more they say
