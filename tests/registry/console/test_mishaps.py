"""What goes wrong before a screen is told in the reader's words, changes nothing, and leads back to its page."""

from sqlmodel import select

from registry.audit import entries
from registry.database import read, write
from registry.lifecycle.promotion import approve as approve_elsewhere
from registry.lifecycle.versions import get_version
from registry.tables import ReviewAnswer
from tests.registry.console.conftest import HOST, password_of

V2 = "/tasks/intents/versions/2"
APPROVAL = {"seen": "awaiting approval", "digest": "2" * 64, "reason": "looks good"}


def told(engine, action):
    with read(engine) as session:
        return [(entry.actor, entry.subject, entry.reason) for entry in entries(session, action=action)]


def stage(engine):
    with read(engine) as session:
        return get_version(session, "intents", 2).stage.value


def test_a_form_sent_after_the_session_ended_changes_nothing_and_leads_back_to_its_page(signed_in, engine, clock):
    ada = signed_in("ada")
    page = ada.get(V2)
    token = page.split('name="form_token" value="')[1][:64]
    clock.wait(hours=2)
    late = ada.client.post(f"{V2}/approve", data={"form_token": token, **APPROVAL},
                           headers={"Origin": HOST, "Referer": f"{HOST}{V2}"})
    assert "Your session had ended, so nothing was changed" in late.text and stage(engine) == "awaiting approval"
    assert f'name="to" value="{V2}"' in late.text
    ada.post("/sign-in", {"name": "ada", "password": password_of("ada"), "to": V2}, page="/sign-in")
    assert ada.last.url.path == V2


def test_a_korean_reader_is_told_in_korean_what_was_refused(signed_in, engine, now):
    ada = signed_in("ada")
    ada.client.cookies.set("hypermatch_language", "ko")
    with write(engine) as session:
        approve_elsewhere(session, "intents", 2, actor="bo", reason="seen <b>enough</b>", now=now)
    page = ada.post(f"{V2}/approve", APPROVAL, 409)
    assert "bo 님이 2026-01-02 03:04 UTC에 결정했습니다" in page and "seen &lt;b&gt;enough&lt;/b&gt;" in page
    assert "결정하기 전에 다시 확인하세요" in page and "no longer" not in page
    page = ada.get("/tasks/intents/versions/3")
    assert "챔피언보다 나쁘지 않음" in page and "not worse than" not in page
    assert "v3 게이트에서 거부" in ada.get("/runs/3")


def test_a_field_longer_than_any_form_allows_is_refused(signed_in, engine):
    page = signed_in("ada").post(f"{V2}/approve", {**APPROVAL, "reason": "y" * 2_001}, 422)
    assert "reason has 2001 characters, 2000 are allowed" in page and stage(engine) == "awaiting approval"


def test_what_is_too_large_or_malformed_is_told_on_a_page_and_to_programs_as_a_problem(signed_in):
    lars = signed_in("lars")
    huge = {"Content-Length": str(10**9), "Origin": HOST}
    page = lars.client.post("/tasks/intents/labels", content=b"x", headers=huge)
    assert page.status_code == 413 and "19 MiB are allowed" in page.text and "HyperMatch" in page.text
    told = lars.client.post("/api/v1/tasks/intents/labels", content=b"x", headers=huge)
    assert told.status_code == 413 and told.json()["title"].startswith("this is too large")
    assert "zero byte" in lars.get("/audit?actor=%00", 400)


def test_a_class_is_merged_into_nothing_by_mistake(signed_in):
    ada = signed_in("ada")
    assert '<option value="">choose a class</option>' in ada.get("/tasks/intents/discovery")
    assert "no class was chosen" in ada.post("/tasks/intents/discovery/1/merge", {"label": "", "reason": "x"}, 422)


def test_an_answer_that_is_gone_is_no_fault_of_the_page(signed_in):
    lars = signed_in("lars")
    assert "Start labeling" in lars.get("/tasks/intents/review?said=999999")
    lars.post("/tasks/intents/review/undo", status=422)


def test_what_people_do_to_accounts_and_texts_is_audited_with_who_and_why(signed_in, engine):
    root, lars = signed_in("root"), signed_in("lars")
    for act, action in (("role", "account:role_changed"), ("disable", "account:disabled"),
                        ("enable", "account:enabled"), ("remove", "account:removed")):
        root.post(f"/people/vera/{act}", {"role": "labeler", "reason": f"why {act}"})
        assert told(engine, action) == [("root", "vera", f"why {act}")]
    lars.post("/tasks/intents/review")
    with read(engine) as session:
        item = session.exec(select(ReviewAnswer.item_id)).one()
    for _ in range(2):
        lars.post(f"/tasks/intents/review/{item}/answer", {"label": "other"})
    assert told(engine, "review:answered") == [("lars", f"intents item {item}", "other")]
    lars.post("/sign-out")
    assert told(engine, "account:signed_out") == [("lars", "lars", "")]
