"""The bank teaches where it can, is left out where it cannot, and says why."""

import numpy as np
import pytest

from trainer.errors import NotTrainable
from trainer.learning.alignment import aligned, counted_prior, estimated_prior
from trainer.learning.choice import Duel, Expectation, choose
from trainer.learning.embedded import Labeled, Unlabeled
from trainer.learning.in_domain import Domain
from trainer.learning.label_names import NameEvidence, name_evidence, spoken
from trainer.learning.learn import in_domain_head, learn
from trainer.learning.neighborhood import neighborhood
from trainer.recipe import HeadRecipe, InDomainRecipe

N_CLASSES, D = 8, 32


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def world(n_per_class, seed, spread=0.9):
    """Classes that are ridges: a label sees one end of its class, the bank shows the whole of it."""
    fixed, generator = np.random.default_rng(1), np.random.default_rng(seed)
    centers, ridges = fixed.standard_normal((N_CLASSES, D)), fixed.standard_normal((N_CLASSES, D))
    classes = np.repeat(np.arange(N_CLASSES), n_per_class)
    along = generator.uniform(-1.5, 1.5, (len(classes), 1))
    noise = spread * generator.standard_normal((len(classes), D)) / 2
    return Labeled(unit(centers[classes] + along * ridges[classes] + noise), classes, N_CLASSES)


def accuracy(head, test):
    return float((head.probs(test.vectors).argmax(axis=1) == test.classes).mean())


def learned(n_per_class, bank, names=None, seed=3, **recipe):
    return learn(world(n_per_class, seed), Unlabeled(bank), names, HeadRecipe(), InDomainRecipe(**recipe), seed)


def test_a_bank_of_the_domain_is_worth_labels():
    test = world(100, seed=9)
    found = learned(3, world(150, seed=5).vectors)

    assert found.in_domain is not None
    assert accuracy(found.in_domain, test) > accuracy(found.labels_only, test) + 0.03
    assert found.choice.arm == "in-domain" and "won" in found.choice.reason


def test_a_bank_that_teaches_nothing_does_no_harm():
    noise, test = unit(np.random.default_rng(0).standard_normal((1_200, D))), world(100, seed=9, spread=3.0)
    found = learn(world(12, 4, spread=3.0), Unlabeled(noise), None, HeadRecipe(), InDomainRecipe(), 4)
    assert accuracy(found.head, test) > accuracy(found.labels_only, test) - 0.02


def test_the_same_seed_learns_the_same():
    bank = world(40, seed=5).vectors
    first, second = learned(3, bank), learned(3, bank)
    np.testing.assert_array_equal(first.head.weight, second.head.weight)


def test_a_head_may_be_told_how_sure_to_be_of_the_bank():
    """What taught a tuned encoder is surer of the bank, once that encoder sees it, than it is right."""
    labeled, bank = world(3, seed=3), world(100, seed=5)
    domain = Domain(neighborhood(np.concatenate([labeled.vectors, bank.vectors]), 10), None)

    def confidence(sure):
        head = in_domain_head(domain, labeled, None, HeadRecipe(), InDomainRecipe(), 3, sure)
        return float(head.probs(bank.vectors).max(axis=1).mean())

    for share in (0.5, 0.8):
        sure = np.full((len(bank), N_CLASSES), (1 - share) / (N_CLASSES - 1))
        sure[np.arange(len(bank)), bank.classes] = share
        assert confidence(sure) == pytest.approx(share, abs=0.15) and confidence(sure) < confidence(None)


def test_the_order_of_the_bank_does_not_matter():
    bank = world(40, seed=5).vectors
    turned = learned(3, bank[::-1].copy())
    assert turned.in_domain is not None
    np.testing.assert_allclose(learned(3, bank).in_domain.probs(bank), turned.in_domain.probs(bank), atol=0.02)


def test_one_label_per_class_follows_what_is_expected_and_says_so():
    bank = world(100, seed=5).vectors
    hopeful, doubtful = learned(1, bank), learned(1, bank, expected_wins=1.0, expected_losses=4.0)
    assert hopeful.choice.arm == "in-domain" and "no class has a second label" in hopeful.choice.reason
    assert doubtful.choice.arm == "labels-only" and "no class has a second label" in doubtful.choice.reason


def speaking_names():
    """Names that lie in the middle of their classes."""
    middle = world(200, seed=7).vectors.reshape(N_CLASSES, 200, D).mean(axis=1)
    return unit(middle)


def test_names_that_tell_the_labels_make_up_for_a_second_one():
    test, found = world(100, seed=9), learned(1, world(150, seed=5).vectors, speaking_names())

    assert found.choice.arm == "in-domain" and "label names" in found.choice.reason
    assert accuracy(found.head, test) > accuracy(found.labels_only, test) + 0.1


def test_names_stand_beside_the_labels_where_there_is_no_bank():
    test, none = world(100, seed=9), np.empty((0, D), np.float32)
    found = learned(1, none, speaking_names())
    assert found.in_domain is None and found.choice.arm == "labels-only"
    assert "label names, which tell" in found.choice.reason and found.choice.evidence["names"]["labels"] == N_CLASSES
    assert accuracy(found.head, test) > accuracy(found.labels_only, test) + 0.1

    silent = learned(1, none, unit(np.random.default_rng(3).standard_normal((N_CLASSES, D))))
    assert silent.head is silent.labels_only and "label names" not in silent.choice.reason


def test_names_that_say_nothing_are_not_used():
    names = unit(np.random.default_rng(3).standard_normal((N_CLASSES, D)))
    found = learned(3, world(100, seed=5).vectors, names)
    assert found.in_domain is not None and found.in_domain.facts["uses_label_names"] == 0


def test_a_small_bank_and_a_recipe_that_says_never_leave_labels_only():
    bank = world(100, seed=5).vectors
    assert learned(3, bank[:10]).in_domain is None
    assert learned(3, bank, use="never").in_domain is None
    always = learned(1, bank, use="always")
    assert always.head is always.in_domain and always.choice.arm == "in-domain"


def test_labels_of_one_class_teach_nothing():
    labeled = world(3, seed=3)
    with pytest.raises(NotTrainable, match="1 classes"):
        learn(labeled.take(labeled.classes == 2), None, None, HeadRecipe(), InDomainRecipe(), 3)


def test_alignment_meets_the_shares_and_keeps_rows_probabilities():
    guesses = np.random.default_rng(0).dirichlet(np.ones(4), 2_000)
    prior = np.array([0.5, 0.3, 0.15, 0.05])
    probs = aligned(guesses, prior)
    np.testing.assert_allclose(probs.mean(axis=0), prior, atol=0.005)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_the_shares_of_a_skewed_bank_are_found():
    generator = np.random.default_rng(0)
    truth = np.array([0.7, 0.2, 0.1])
    logits = 2.0 * np.eye(3)[generator.choice(3, 6_000, p=truth)] + generator.standard_normal((6_000, 3))
    probs = np.exp(logits * 2) / np.exp(logits * 2).sum(axis=1, keepdims=True)      # as equal shares would have it
    counted = counted_prior(probs)
    assert np.abs(estimated_prior(probs, 1.0, counted) - truth).max() < 0.06
    assert np.abs(counted - truth).max() < np.abs(1 / 3 - truth).max()
    np.testing.assert_allclose(estimated_prior(probs, 0.0, counted), counted)


def test_a_bank_of_one_class_does_little_harm():
    test, bank = world(100, 9, spread=2.0), world(1_200, 50, spread=2.0)
    found = learn(world(12, 4, spread=2.0), Unlabeled(bank.vectors[bank.classes == 0]), None, HeadRecipe(),
                  InDomainRecipe(), 4)
    assert accuracy(found.head, test) > accuracy(found.labels_only, test) - 0.03


def test_spreading_stays_within_what_is_connected():
    steps = 0.01 * np.arange(8)[:, None]
    left, right = unit(np.eye(4)[:1] + steps), unit(-np.eye(4)[1:2] - steps)
    near = neighborhood(np.concatenate([left, right]), 3)
    seeds = np.zeros((16, 2), np.float32)
    seeds[0, 0] = 1
    spread = near.spread(seeds, 0.9, 50)
    assert (spread[:8, 0] > 0).all() and (spread[8:] == 0).all()


@pytest.mark.parametrize(("label", "words"), [
    ("card_arrival", "card arrival"), ("getWeather", "get Weather"), ("긍정", "긍정"),
    ("메일 / 의문사 질문", "메일 의문사 질문")])
def test_labels_are_spoken(label, words):
    assert spoken(label) == words


def test_names_of_one_large_class_are_not_taken_for_skill():
    vectors = unit(np.random.default_rng(0).standard_normal((100, 4)))
    labeled = Labeled(vectors, np.zeros(100, np.int64), 2)
    names = unit(np.array([vectors.sum(axis=0), -vectors.sum(axis=0)]))
    assert not name_evidence(names, labeled).is_convincing


@pytest.mark.parametrize(("n_right", "speaks"), [(0, False), (1, False), (4, True), (8, True)])
def test_names_speak_once_they_tell_more_labels_than_blind_guesses_would(n_right, speaks):
    vectors = np.eye(8, 16, dtype=np.float32)                              # one label per class
    names = np.concatenate([vectors[:n_right], np.roll(vectors[n_right:], 1, axis=0)])
    found = name_evidence(names, Labeled(vectors, np.arange(8), 8))
    assert (found.n_right, found.is_convincing) == (n_right, speaks)


@pytest.mark.parametrize(("duel", "names", "arm"), [
    (Duel(100, 20, 3), None, "in-domain"),
    (Duel(100, 3, 20), None, "labels-only"),
    (Duel(100, 3, 20), NameEvidence(40, 77, 1e20), "labels-only"),
    (Duel(100, 0, 0), None, "in-domain"),
    (Duel(100, 0, 3), None, "labels-only"),
    (None, NameEvidence(40, 77, 1e20), "in-domain"),
    (None, None, "in-domain"),
])
def test_the_choice_follows_the_human_labels(duel, names, arm):
    found = choose(duel, names, Expectation(4, 2), 0.5)
    assert found.arm == arm and found.reason


def test_expecting_nothing_takes_held_out_labels_at_their_word():
    assert choose(Duel(10, 2, 3), None, Expectation(), 0.5).arm == "labels-only"
    assert choose(Duel(10, 3, 2), None, Expectation(), 0.5).arm == "in-domain"
