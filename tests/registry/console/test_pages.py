"""Every page shows what the registry holds, in both languages, and takes hostile text for text."""

import re

import pytest
from starlette.testclient import TestClient

from registry.console.app import create_app
from registry.console.settings import ConsoleSettings
from registry.console.words import LANGUAGES, load_words
from registry.database import migrate, open_database, write
from registry.lifecycle.versions import get_version
from registry.settings import RegistrySettings
from registry.tasks import create_task
from tests.registry.console.conftest import HOST, Browser, password_of
from tests.registry.console.town import settle, start_run
from tests.servers.postgres import fresh_database

PAGES = ["/", "/tasks/intents", "/tasks/empty", "/tasks/intents/versions/1", "/tasks/intents/versions/2",
         "/tasks/intents/versions/3", "/tasks/intents/versions/2?verify=1", "/tasks/intents/drift/14",
         "/tasks/intents/drift/1", "/tasks/intents/discovery", "/tasks/empty/discovery",
         "/tasks/intents/review", "/tasks/empty/review", "/tasks/intents/labels",
         "/tasks/empty/labels", "/tasks/intents/labels/1", "/runs", "/runs/1", "/prompts", "/prompts/label-english",
         "/audit", "/audit?verify=1", "/audit?subject=intents&before=20", "/settings", "/account", "/people"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_renders_in_both_languages(signed_in, engine, now, language):
    start_run(engine, now)
    root = signed_in("root")
    root.client.cookies.set("hypermatch_language", language)
    for path in PAGES:
        page = root.get(path)
        assert f'<html lang="{language}">' in page, path
        assert "style=" not in page and "onclick" not in page, f"{path}: the policy forbids inline style and script"
        if language == "ko":
            assert "개요" in page


def test_every_page_answers_on_postgresql_too(postgres_url, store, clock):
    url = fresh_database(postgres_url)
    migrate(url)
    engine = open_database(url)
    settle(engine, store, clock())
    app = create_app(engine, store, ConsoleSettings(), RegistrySettings(), clock)
    root = Browser(TestClient(app, base_url=HOST))
    root.sign_in("root", password_of("root"))
    for path in [*PAGES, "/?q=INT&sort=accuracy", "/audit?subject=intents v&action=model:promoted&actor=ada",
                 "/tasks/intents/labels?q=LOST&label=other&part=train", "/runs?state=succeeded&task=intents"]:
        root.get(path)
    root.post("/tasks/intents/versions/2/approve", {"seen": "awaiting approval", "digest": "2" * 64, "reason": "good"})
    root.post("/tasks/intents/review")
    assert "Approved" in root.get("/tasks/intents/versions/2")
    root.get("/audit?actor=%00", 400)
    root.post("/tasks/intents/runs", {"reason": "a\0b"})
    assert "intents v1" in root.get("/audit?subject=intents v&action=model:promoted&actor=ada")
    engine.dispose()


def test_hostile_text_stays_text_and_what_it_hides_is_shown(signed_in):
    ada = signed_in("ada")
    for path in ("/tasks/intents/versions/2", "/tasks/intents/labels?q=script", "/tasks/intents/discovery",
                 "/tasks/intents/drift/14", "/tasks/intents/labels/1"):
        page = ada.get(path)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page, path
        assert "<script>alert" not in page and "<img" not in page, path
        assert "\u202e" not in page and "\u200b" not in page, path
        assert ">U+202E</span>" in page and ">U+200B</span>" in page, path
        assert "{{7*7}}" in page, path


def test_the_overview_searches_sorts_and_pages(signed_in, engine, now):
    with write(engine) as session:
        for number in range(30):
            create_task(session, f"task-{number:02d}", ["yes", "no"], actor="ada", now=now,
                        description="questions of invoices" if number == 7 else "")
    vera = signed_in("vera")

    def shown(query):
        return re.findall(r'class="name" href="/tasks/([\w-]+)"', vera.get(f"/{query}"))

    assert shown("")[0] == "intents", "what waits for a person comes first"
    assert shown("?sort=name") == ["empty", "intents", *(f"task-{number:02d}" for number in range(23))]
    assert shown("?sort=name&page=2")[-1] == "task-29" and shown("?sort=name&page=99") == shown("?sort=name&page=2")
    assert shown("?q=INVOICES") == ["task-07"] and shown("?q=%25") == [] and "Nothing found" in vera.get("/?q=zzz")
    for sort in ("accuracy", "age", "drift", "novelty", "traffic", "labels", "nonsense"):
        assert len(shown(f"?sort={sort}")) == 25


def test_the_overview_tells_novelty_and_the_traffic_of_a_week(signed_in):
    row = signed_in("vera").get("/?q=intents").split("<tbody>")[1]
    assert "7.3 %" in row and ">5,085<" in row


def test_every_changed_answer_can_be_seen(signed_in, engine):
    with write(engine) as session:
        version = get_version(session, "intents", 2)
        flip = version.gate["against"]["flips"][1]
        flips = [{**flip, "text": f"changed {number}"} for number in range(230)]
        version.gate = {**version.gate, "against": {**version.gate["against"], "flips": flips, "n_fixed": 230,
                                                    "n_broken": 0, "n_otherwise": 0}}
    vera = signed_in("vera")
    page = vera.get("/tasks/intents/versions/2")
    assert "changed 99<" in page and "changed 100<" not in page and "Show all 230" in page
    assert "changed 229<" in vera.get("/tasks/intents/versions/2?flips=all")


def test_no_language_misses_a_text():
    words = load_words()
    assert words["en"].keys() == words["ko"].keys()
    for key, text in words["en"].items():
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", words["ko"][key])), key
        assert words["ko"][key].strip() and text.strip(), key


def test_unknown_things_are_told_as_pages(signed_in):
    ada = signed_in("ada")
    for path in ("/tasks/nope", "/tasks/intents/versions/99", "/runs/999999999", "/tasks/intents/labels/77777",
                 "/prompts/nope", "/nowhere", "/tasks/intents/versions/99999999999999", "/tasks/empty/drift/1"):
        page = ada.get(path, 404)
        assert "Traceback" not in page and "HyperMatch" in page, path
