"""What people teach in the console: proposed classes become classes, queued texts become labels, each once."""

import re

from sqlmodel import select

from registry.audit import entries
from registry.database import read
from registry.reviews import list_items
from registry.tables import ClassProposal, LabeledText, ReviewState, Run
from registry.tasks import label_space
from registry.text import text_hash

CARDS = "/tasks/intents/discovery"
QUEUE = "/tasks/intents/review"


def proposal(engine, number):
    with read(engine) as session:
        return session.get(ClassProposal, number)


def ticks(engine, number, **changed):
    found = proposal(engine, number).findings
    return {f"keep_{text_hash(text)}": "1" for text in found["exemplars"]} | {"reason": "they ask for it"} | changed


def test_an_accepted_class_is_new_its_ticked_texts_are_labels_and_a_run_is_asked_for(signed_in, engine):
    ada, found = signed_in("ada"), proposal(engine, 1).findings
    form = ticks(engine, 1, name="refund")
    form.pop(f"keep_{text_hash(found['exemplars'][1])}")
    form[f"keep_{text_hash(found['boundary'][0])}"] = "1"
    for _ in range(2):
        ada.post(f"{CARDS}/1/accept", form)
    with read(engine) as session:
        assert label_space(session, "intents").labels[-1] == "refund" and label_space(session, "intents").number == 2
        texts = {row.text for row in session.exec(select(LabeledText).where(LabeledText.label == "refund"))}
        runs = session.exec(select(Run).where(Run.state == "requested")).all()
        told = [entry.actor for entry in entries(session, action="class:named")]
    assert found["exemplars"][1] not in texts and found["boundary"][0] in texts and len(texts) == 9
    assert len(runs) == 1 and told == ["ada"]


def test_a_merged_class_gives_its_texts_to_one_that_exists(signed_in, engine):
    ada = signed_in("ada")
    for _ in range(2):
        ada.post(f"{CARDS}/2/merge", ticks(engine, 2, label="money missing"))
    assert proposal(engine, 2).state == "merged" and proposal(engine, 2).decided_by == "ada"
    ada.post(f"{CARDS}/1/merge", ticks(engine, 1, label="no such class"), 422)


def test_a_rejected_class_stays_rejected_and_a_snoozed_one_comes_back_later(signed_in, engine):
    ada = signed_in("ada")
    for _ in range(2):
        ada.post(f"{CARDS}/1/reject", {"reason": "a joke"})
        ada.post(f"{CARDS}/2/snooze", {"reason": "after the holidays", "days": "9"})
    assert (proposal(engine, 1).state, proposal(engine, 2).state) == ("rejected", "snoozed")
    ada.post(f"{CARDS}/1/accept", ticks(engine, 1, name="refund"), 409)
    for days in ("0", "x", "999999"):
        ada.post(f"{CARDS}/2/snooze", {"reason": "later", "days": days}, 422)
    ada.post(f"{CARDS}/2/split", {"reason": "two things"}, 422)
    ada.post("/tasks/empty/discovery/2/reject", {"reason": "not theirs"}, 404)


def test_a_labeler_decides_on_no_class(signed_in, engine):
    lars = signed_in("lars")
    assert "/accept" not in lars.get(CARDS)
    for act in ("accept", "merge", "split", "reject", "snooze"):
        lars.post(f"{CARDS}/1/{act}", ticks(engine, 1, name="refund", label="other", days="3"), 403)
    assert proposal(engine, 1).state == "proposed"


def held(browser):
    return int(re.search(r"/review/(\d+)/answer", browser.get(QUEUE))[1])


def test_looking_claims_nothing_and_an_answer_is_one_label_however_often_it_is_sent(signed_in, engine):
    lars = signed_in("lars")
    assert "/answer" not in lars.get(QUEUE) and "24 texts wait" in lars.get(QUEUE)
    lars.post(QUEUE)
    first = held(lars)
    for _ in range(2):
        lars.post(f"{QUEUE}/{first}/answer", {"label": "other"})
    assert held(lars) != first
    with read(engine) as session:
        settled = list_items(session, "intents", ReviewState.SETTLED)
        labels = session.exec(select(LabeledText).where(LabeledText.origin.startswith("review item"))).all()
    assert [item.id for item in settled] == [first]
    assert [(row.label, row.actor) for row in labels] == [("other", "lars")]


def test_an_answer_can_be_taken_back_and_given_anew(signed_in, engine):
    lars = signed_in("lars")
    lars.post(QUEUE)
    first = held(lars)
    lars.post(f"{QUEUE}/{first}/answer", {"label": "other"})
    lars.post(f"{QUEUE}/undo")
    assert held(lars) == first
    lars.post(f"{QUEUE}/{first}/answer", {"label": "card lost"})
    lars.post(f"{QUEUE}/{held(lars)}/skip")
    lars.post(f"{QUEUE}/{held(lars)}/answer", {"new_class": "weather"})
    assert "weather" in lars.get(QUEUE)
    with read(engine) as session:
        assert [row.label for row in session.exec(select(LabeledText).where(
            LabeledText.origin.startswith("review item")))] == ["card lost"]


def test_a_blind_reviewer_sees_the_guess_only_after_choosing(signed_in):
    lars = signed_in("lars")
    lars.post(QUEUE, {"mode": "blind"})
    page = lars.get(f"{QUEUE}?mode=blind")
    assert "the model guesses" not in page and 'class="guess"' not in page and "two labels are near" not in page
    assert "the model guesses" in lars.get(QUEUE)
    page = lars.post(f"{QUEUE}/{held(lars)}/answer", {"label": "other", "mode": "blind"})
    assert "the model guessed" in page


def test_two_people_are_given_two_texts_and_a_viewer_none(signed_in):
    lars, ada, vera = signed_in("lars"), signed_in("ada"), signed_in("vera")
    lars.post(QUEUE)
    ada.post(QUEUE)
    assert held(lars) != held(ada)
    ada.post(f"{QUEUE}/{held(lars)}/answer", {"label": "other"}, 409)
    vera.post(QUEUE, status=403)
    vera.post(f"{QUEUE}/{held(lars)}/answer", {"label": "other"}, 403)
