"""Maps, lines of runs, dead letters, shares and growth over time, framed pages, and prompts that are tried."""

import json
import re

import pytest
from starlette.testclient import TestClient

from registry.accounts.tokens import create_token
from registry.audit import entries
from registry.console.app import create_app
from registry.console.atlas import draw_atlas
from registry.console.pages.drift import SANDBOX
from registry.console.series import N_COLORS, REST, share_series
from registry.console.settings import ConsoleSettings
from registry.database import read, write
from registry.drift import list_drift_checks
from registry.errors import HyperMatchError
from registry.lifecycle.runs import finish_run
from registry.prompt_trials import Tried
from registry.settings import RegistrySettings
from registry.watching.dead_letters import list_dead_letters
from registry.watching.run_lines import Line, keep_lines
from tests.registry.console.conftest import HOST, Browser, password_of
from tests.registry.console.town import HOSTILE, start_run

TRIAL = {"task": "intents", "text": "where is my card?", "version": "1"}


@pytest.fixture
def opened(engine, store, clock):
    """Open a console with other settings, or with what tries prompts, as one of the town's people."""
    def opening(name, try_prompt=None, **settings):
        app = create_app(engine, store, ConsoleSettings(**settings), RegistrySettings(), clock, try_prompt=try_prompt)
        browser = Browser(TestClient(app, base_url=HOST, raise_server_exceptions=False))
        browser.sign_in(name, password_of(name))
        return browser

    return opening


def test_a_run_shows_its_lines_costs_and_cause(signed_in):
    page = signed_in("vera").get("/runs/3")
    assert "embedding took 68.3 s" in page and 'class="warning"' in page and "&lt;script&gt;alert(1)" in page
    assert "/tasks/intents/drift/14" in page
    assert "412 calls, 83,300 tokens, 184 s" in signed_in("vera").get("/runs/2")


def test_a_run_tells_its_lines_while_they_come_and_nothing_twice(signed_in, engine, now):
    run = start_run(engine, now)
    with write(engine) as session:
        keep_lines(session, run, [Line(now, "INFO", "seen before"), Line(now, "INFO", HOSTILE)])
    vera = signed_in("vera")
    after = int(re.search(rf'data-events="/runs/{run}/events\?after=(\d+)"', vera.get(f"/runs/{run}"))[1])
    with write(engine) as session:
        keep_lines(session, run, [Line(now, "WARNING", f"fresh {HOSTILE}")])
        finish_run(session, run, version_number=None, outcome="done", now=now)
    told = [json.loads(line[6:]) for line in vera.get(f"/runs/{run}/events?after={after}").splitlines() if line]
    assert [line["says"] for line in told[0]["lines"]] == [
        "fresh " + HOSTILE.replace("\u202e", "⟨U+202E⟩").replace("\u202c", "⟨U+202C⟩").replace("\u200b", "⟨U+200B⟩")]
    assert told[-1]["is_over"]
    silent = [json.loads(line[6:]) for line in vera.get(f"/runs/{run}/events").splitlines() if line]
    assert "lines" not in silent[0], "a list of runs does not ask for lines"


def test_a_task_shows_dead_letters_growth_and_how_classes_come_and_go(signed_in, engine):
    page = signed_in("vera").get("/tasks/intents")
    with read(engine) as session:
        newest = list_dead_letters(session)[0]
    assert f"hypermatch.texts</bdi>:{newest.partition} @ {newest.offset}" in page and "5 within 24 hours" in page
    assert page.count('class="bar"') > 20 and "texts banked" in page
    assert page.count('class="layer') == 3 and "→" in page
    empty = signed_in("vera").get("/tasks/empty")
    assert 'class="layer' not in empty and "texts banked" not in empty


def test_seventy_seven_classes_share_eight_colors():
    looks = [{f"class {i}": 1 / 77 for i in range(77)}] * 3
    series = share_series(looks, "others")
    assert len(series) == N_COLORS + 1 and series[-1].color == REST
    assert sum(each.values[0] for each in series) == pytest.approx(1)
    assert [each.name for each in share_series([{"only": 1.0}, {"only": 1.0}], "others")] == ["only"]


def test_a_map_draws_hostile_texts_as_texts_and_stands_without_proposals(signed_in):
    page = signed_in("vera").get("/tasks/intents/discovery")
    assert page.count("<circle") > 600 and "<script>alert" not in page and "⟨U+202E⟩" in page
    assert "600 of 3,120" in page and "in no proposal" in page
    assert 'class="atlas"' not in signed_in("vera").get("/tasks/empty/discovery")
    one = {"x": 0.0, "y": 0.0, "text": "t", "label": "l", "novelty": 7.0, "proposal": None}
    assert 'class="p-c-rest l-c0 n-s4"' in draw_atlas([one, {**one, "novelty": -1.0}], "map").drawing


def test_an_approver_asks_for_a_discovery_and_sees_that_it_is_on_its_way(signed_in):
    place = "/tasks/intents/discovery"
    signed_in("lars").post(place, {"reason": "x"}, 403)
    ada = signed_in("ada")
    for _ in range(2):
        assert "A discovery is on its way" in ada.post(place, {"reason": "new kinds of text"})
    assert "Discover now" not in ada.get(place)
    ada.post("/tasks/empty/discovery", {"reason": "x"}, 422)


def test_a_version_tells_offsets_costs_and_the_drift_that_caused_it(signed_in):
    page = signed_in("vera").get("/tasks/intents/versions/3")
    assert "[18,000, 27,000)" in page and "/tasks/intents/drift/14" in page and "none was asked" in page
    assert "[0, 9,000)" in signed_in("vera").get("/tasks/intents/versions/1")
    assert "412 calls" in signed_in("vera").get("/tasks/intents/versions/2")


def test_evidentlys_page_is_framed_in_a_sandbox_and_only_for_those_signed_in(opened, browser, tmp_path, engine):
    with read(engine) as session:
        check = list_drift_checks(session, "intents")[0].id
    pages = tmp_path / "drift" / "pages" / "intents"
    pages.mkdir(parents=True)
    (pages / f"{check}.html").write_text("<html><script>document.title = 1</script>")
    (tmp_path / "secret.html").write_text("secret")
    (pages / f"{check}-labels.html").symlink_to(tmp_path / "secret.html")
    vera, place = opened("vera", drift_reports=str(tmp_path / "drift")), f"/tasks/intents/drift/{check}"

    shown = vera.get(place)
    assert re.search(rf'<iframe [^>]*sandbox="allow-scripts"[^>]*src="{place}/evidently"', shown)
    assert "evidently-labels" not in shown, "a link that leads out of the folder is no page"
    assert "document.title" in vera.get(f"{place}/evidently")
    policy = vera.last.headers["content-security-policy"]
    assert policy == SANDBOX["Content-Security-Policy"] and "allow-same-origin" not in policy
    assert "connect-src" not in policy and "default-src 'none'" in policy
    vera.get(f"{place}/evidently-labels", 404)
    vera.get(f"/tasks/empty/drift/{check}/evidently", 404)
    vera.get("/tasks/intents/drift/1/evidently", 404)
    assert "frame-ancestors 'none'" in vera.client.get(place).headers["content-security-policy"]
    assert browser().client.get(f"{place}/evidently", follow_redirects=False).status_code == 303
    opened("vera", drift_reports="").get(f"{place}/evidently", 404)


def test_a_labeler_tries_a_prompt_and_a_viewer_may_not(opened, engine):
    asked = []

    def answering(*given):
        asked.append(given)
        return Tried(f"Which label? {HOSTILE}", "tiny-lm", [("card lost", 0.9), ("other", 0.1)], 4, 210)

    page = opened("lars", answering).post("/prompts/label-english/try", TRIAL, page="/prompts/label-english")
    assert asked == [("label-english", 1, "intents", "where is my card?")]
    assert "90.0 %" in page and "tiny-lm" in page and "4 calls, 210 tokens" in page
    assert "&lt;script&gt;" in page and "<script>alert" not in page and "where is my card?" in page
    vera = opened("vera", answering)
    vera.post("/prompts/label-english/try", TRIAL, 403)
    assert 'action="/prompts/label-english/try' not in vera.get("/prompts/label-english")
    assert opened("lars", answering).client.post("/prompts/label-english/try", data=TRIAL).status_code == 403
    with read(engine) as session:
        assert [(entry.actor, entry.subject) for entry in entries(session, action="prompt:tried")] == [
            ("lars", "label-english v1")]
    assert len(asked) == 1


def test_trying_without_a_language_model_says_so_clearly(opened):
    def silent(*_):
        return Tried("Which label?", None, ())

    def away(*_):
        raise HyperMatchError("the language model does not answer", "check HYPERMATCH_TRAINER_LM_URL")

    page = opened("lars", silent).post("/prompts/label-english/try", TRIAL)
    assert "No language model is configured" in page and "HYPERMATCH_TRAINER_LM_BACKEND" in page
    assert "check HYPERMATCH_TRAINER_LM_URL" in opened("lars", away).post("/prompts/label-english/try", TRIAL, 503)
    assert "without the trainer" in opened("lars").post("/prompts/label-english/try", TRIAL, 422)
    opened("lars", silent).post("/prompts/label-english/try", {**TRIAL, "task": "nope"}, 404)


def test_programs_read_and_try_the_same(opened, engine, now):
    with write(engine) as session:
        raw = create_token(session, "lars", "t", scopes=["read", "label"], days=3, actor="lars", now=now)

    def get(path):
        return program.get(f"/api/v1{path}").json()

    client = opened("lars", lambda *_: Tried("Which?", "tiny-lm", [("other", 0.7)], 1, 9)).client
    program = TestClient(client.app, base_url=HOST, headers={"Authorization": f"Bearer {raw}"})
    assert [line["says"] for line in get("/runs/1/lines")["items"]][1] == "reading took 1.2 s"
    assert get(f"/runs/1/lines?after={get('/runs/1/lines')['items'][-1]['id']}")["items"] == []
    assert len(get("/dead-letters")["items"]) == 9 and len(get("/tasks/intents/map")["points"]) == 600
    assert get("/tasks/intents/bank")["items"][-1]["n_texts"] > 0
    assert program.get("/api/v1/tasks/empty/map").status_code == 404
    told = program.post("/api/v1/prompts/label-english/try", json={"task": "intents", "text": "where?"})
    assert told.json()["answers"] == [{"label": "other", "probability": 0.7}] and told.json()["n_tokens"] == 9
