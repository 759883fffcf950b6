"""Actions: each is done once however often it is sent, refuses what is stale, and is audited with actor and reason."""

import csv
import io

import pytest
from sqlmodel import select

from registry.audit import entries, verify_chain
from registry.cells import neutral, unmarked
from registry.database import read, write
from registry.heartbeats import beat
from registry.lifecycle.promotion import approve as approve_elsewhere
from registry.lifecycle.versions import get_version
from registry.tables import LabeledText, Run
from tests.registry.console.town import HOSTILE

V2 = "/tasks/intents/versions/2"
APPROVAL = {"seen": "awaiting approval", "digest": "2" * 64, "reason": "looks good"}


def told(engine, action):
    with read(engine) as session:
        return [(entry.actor, entry.reason) for entry in entries(session, action=action)]


def stage(engine, number):
    with read(engine) as session:
        return get_version(session, "intents", number).stage.value


def test_approve_promote_and_roll_back_are_each_done_once_when_sent_twice(signed_in, engine):
    ada = signed_in("ada")
    for path, form, action, after in (
            (f"{V2}/approve", APPROVAL, "model:approved", "approved"),
            (f"{V2}/promote", {"seen": "approved", "reason": "go"}, "model:promoted", "champion"),
            ("/tasks/intents/versions/1/rollback", {"seen": "archived", "reason": "complaints"}, "model:rolled_back",
             "archived")):
        before = len(told(engine, action))
        for _ in range(2):
            ada.post(path, form)
        assert told(engine, action)[before:] == [("ada", form["reason"])]
        assert stage(engine, 2) == after
    with read(engine) as session:
        assert verify_chain(session) > 0


def test_reject_is_final_and_done_once(signed_in, engine):
    ada = signed_in("ada")
    for _ in range(2):
        ada.post(f"{V2}/reject", {"seen": "awaiting approval", "reason": "too slow"})
    assert told(engine, "model:rejected")[-1] == ("ada", "too slow") and stage(engine, 2) == "rejected"
    assert len([who for who, _ in told(engine, "model:rejected") if who == "ada"]) == 1
    ada.post(f"{V2}/approve", APPROVAL, 409)


def test_changes_are_requested_once_shown_with_their_reason_and_answered_by_a_labeler(signed_in, engine):
    ada, lars = signed_in("ada"), signed_in("lars")
    form = {"seen": "awaiting approval", "reason": "two classes <fell>"}
    lars.post(f"{V2}/request-changes", form, 403)
    for _ in range(2):
        ada.post(f"{V2}/request-changes", form)
    page = ada.get(V2)
    assert "ada" in page and "two classes &lt;fell&gt;" in page and f"{V2}/approve" not in page
    ada.post(f"{V2}/approve", {**APPROVAL, "seen": "changes requested"}, 409)
    assert "two classes" in ada.post(f"{V2}/approve", APPROVAL, 409), "stale: it says who wants what"
    assert f"{V2}/ask-again" in lars.get(V2) and f"{V2}/ask-again" not in signed_in("vera").get(V2)
    for _ in range(2):
        lars.post(f"{V2}/ask-again", {"seen": "changes requested", "reason": "labels mended"})
    assert told(engine, "model:changes_requested") == [("ada", "two classes <fell>")]
    assert told(engine, "model:approval_requested") == [("lars", "labels mended")]
    ada.post(f"{V2}/approve", APPROVAL)
    assert stage(engine, 2) == "approved"


def test_a_stale_approval_is_refused_and_says_who_decided_meanwhile(signed_in, engine, now):
    ada = signed_in("ada")
    with write(engine) as session:
        approve_elsewhere(session, "intents", 2, actor="bo", reason="seen enough", now=now)
    page = ada.post(f"{V2}/approve", APPROVAL, 409)
    assert "bo decided at 2026-01-02 03:04 UTC" in page and "seen enough" in page
    assert told(engine, "model:approved")[-1][0] == "bo"


def test_an_approval_is_for_the_bytes_that_were_seen(signed_in, engine):
    ada = signed_in("ada")
    assert "look at it again" in ada.post(f"{V2}/approve", {**APPROVAL, "digest": "f" * 64}, 409)
    assert stage(engine, 2) == "awaiting approval"


def test_a_decision_needs_a_reason(signed_in, engine):
    signed_in("ada").post(f"{V2}/approve", {**APPROVAL, "reason": "  "}, 422)
    assert stage(engine, 2) == "awaiting approval"


@pytest.mark.parametrize("name", ["vera", "lars"])
def test_who_may_not_decide_sees_no_button_and_is_refused(signed_in, engine, name):
    person = signed_in(name)
    assert "/approve" not in person.get(V2)
    for act in ("approve", "reject", "promote", "rollback"):
        person.post(f"{V2}/{act}", APPROVAL, 403)
    person.post("/tasks/intents/runs", {"reason": "please"}, 403)
    person.get("/people", 403)
    assert stage(engine, 2) == "awaiting approval"


def test_a_version_is_tried_beside_the_champion_once_and_its_trial_ends_once(signed_in, engine, now):
    ada = signed_in("ada")
    trial = {"seen": "awaiting approval", "reason": "see what it says"}
    for _ in range(2):
        ada.post(f"{V2}/challenger", trial)
    assert "nothing compared yet" in ada.get(V2)
    with write(engine) as session:
        for number in (1, 2):
            beat(session, process=f"server@host:{number}", kind="server", interval_seconds=10, now=now,
                 says={"compared": {"intents v2": {"agreed": 45, "disagreed": 5}}})
    assert "agreed with 90.0 % of 100 answers" in ada.get(V2)
    assert "Challenger" in ada.get(V2) and len(told(engine, "model:trial_started")) == 1
    ada.post(f"{V2}/canary", {**trial, "percent": "5"}, 409)
    for _ in range(2):
        ada.post(f"{V2}/approve", APPROVAL)
    for percent in ("0", "100", "x"):
        ada.post(f"{V2}/canary", {"seen": "approved", "reason": "a little", "percent": percent}, 422)
    for _ in range(2):
        ada.post(f"{V2}/canary", {"seen": "approved", "reason": "a little", "percent": "5"})
    assert "5 % of the requests" in ada.get(V2)
    for _ in range(2):
        ada.post(f"{V2}/canary/end", {"reason": "enough"})
    for _ in range(2):
        ada.post(f"{V2}/promote", {"seen": "approved", "reason": "go"})
    assert stage(engine, 2) == "champion" and len(told(engine, "model:promoted")) == 2
    signed_in("lars").post(f"{V2}/challenger", trial, 403)


def test_a_refused_version_can_not_be_promoted(signed_in, engine):
    signed_in("ada").post("/tasks/intents/versions/3/promote", {"seen": "rejected", "reason": "anyway"}, 409)
    assert stage(engine, 3) == "rejected" and stage(engine, 1) == "champion"


def test_asking_twice_for_a_run_asks_once(signed_in, engine):
    ada = signed_in("ada")
    assert 'action="/tasks/intents/runs"' in ada.get("/runs?task=intents") and "/discovery" in ada.last.text
    assert 'action="/tasks' not in ada.get("/runs?task=none") and 'action="/tasks' not in ada.get("/runs")
    for _ in range(2):
        ada.post("/tasks/intents/runs", {"reason": "new labels"})
    with read(engine) as session:
        waiting = session.exec(select(Run).where(Run.state == "requested")).all()
    assert [(run.actor, run.reason) for run in waiting] == [("ada", "new labels")]


def test_a_changed_label_keeps_its_history_and_stale_changes_are_refused(signed_in, engine):
    lars = signed_in("lars")
    form = {"was": "card lost", "label": "other", "reason": "it is a riddle"}
    for _ in range(2):
        lars.post("/tasks/intents/labels/1/change", form)
    assert told(engine, "label:changed") == [("lars", "it is a riddle")]
    assert "it is a riddle" in lars.get("/tasks/intents/labels/1")
    lars.post("/tasks/intents/labels/1/change", {**form, "label": "money missing"}, 409)
    lars.post("/tasks/intents/labels/1/change", {**form, "label": "no such"}, 422)
    lars.post("/tasks/intents/labels/1/remove", {"reason": "nonsense"})
    lars.post("/tasks/intents/labels/1/remove", {"reason": "nonsense"}, 404)
    signed_in("vera").post("/tasks/intents/labels/2/change", form, 403)


def test_an_export_holds_no_formula_and_can_be_imported_again(signed_in, engine):
    lars = signed_in("lars")
    form = {"part": "train"}
    file = {"file": ("more.csv", 'text,label\n"=cmd|calc",other\n"+1 to that",other\n', "text/csv")}
    lars.post("/tasks/intents/labels", form, files=file)
    sent = lars.get("/tasks/intents/labels.csv")
    rows = list(csv.DictReader(io.StringIO(sent)))
    assert {row["text"] for row in rows} >= {"'=cmd|calc", "'+1 to that", HOSTILE}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    train = "text,label\n" + "\n".join(f'"{row["text"]}",{row["label"]}' for row in rows if row["text"][:2] == "'=")
    lars.post("/tasks/intents/labels", form, files={"file": ("again.csv", train, "text/csv")})
    with read(engine) as session:
        assert session.exec(select(LabeledText).where(LabeledText.text == "=cmd|calc")).one().label == "other"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"text\nx\n", b"", b'text,label\n"x,no such\n',
                                     b"text,label\n,other\n"])
def test_a_file_that_is_no_labels_is_refused_whole(signed_in, engine, content):
    with read(engine) as session:
        before = len(session.exec(select(LabeledText)).all())
    file = {"file": ("bad.csv", content, "text/csv")}
    signed_in("lars").post("/tasks/intents/labels", {"part": "train"}, 422, files=file)
    with read(engine) as session:
        assert len(session.exec(select(LabeledText)).all()) == before


@pytest.mark.parametrize("cell", ["=1+1", "-5", "@sum", "\n=1+1", "＝1+1", "'quoted", "plain", "", "'=kept"])
def test_neutral_cells_come_back_as_they_were(cell):
    assert not neutral(cell).startswith(("=", "-", "@", "+"))
    assert unmarked(neutral(cell)) == cell or cell == "'=kept"


def test_the_audit_page_finds_what_was_done_and_a_broken_chain(signed_in, engine):
    root = signed_in("root")
    assert "unbroken" in root.get("/audit?verify=1")
    assert root.get("/audit.jsonl").count("\n") > 20
    assert "intents v1" in root.get("/audit?action=model:promoted")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE auditentry SET reason = 'nothing to see' WHERE number = 5")
    assert "breaks at entry 5" in root.get("/audit?verify=1")


def test_the_progress_of_a_run_is_told_until_it_ends(signed_in, engine, now):
    from registry.lifecycle.runs import finish_run
    from tests.registry.console.town import start_run

    number = start_run(engine, now)
    ada = signed_in("ada")
    assert "learning" in ada.get(f"/runs/{number}")
    with write(engine) as session:
        finish_run(session, number, version_number=2, outcome="v2 awaits approval", now=now)
    told_last = ada.get(f"/runs/{number}/events")
    assert told_last == 'data: {"state": "succeeded", "step": "learning", "progress": 1.0, "is_over": true}\n\n'
