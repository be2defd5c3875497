"""The chat page in a real browser: what people see, with mouse, keyboard and screen reader.

Answers are scripted, so that each word can be expected; records come from a real index.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from lca_rag.answer.lexicon import is_chinese
from lca_rag.errors import AnswerError
from lca_rag.operations import Caller, Workspace
from lca_rag.operations.runs import display_name
from lca_rag.operations.schema import AskInput, AskOutput, CheckOutput, CitationOutput
from lca_rag.record import Name, Record, Text
from lca_rag.server import page as pages
from lca_rag.server.access import Key, KeyRing, digest
from lca_rag.server.app import create_app
from tests import server_fixtures

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
browsing = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="no /usr/bin/chromium; apt-get install chromium"
)
QUESTION = "How much power does it take?"
ANSWER = (
    "It takes 0.25 kWh of power [1], and 9.99 kg of what nobody wrote down [2].\n\n"
    "| Flow | Amount |\n| --- | --- |\n| Power | 0.25 |\n\n- *first* point\n- `second` point\n"
)


@dataclass
class Script:
    """What the server answers, and what it was asked."""

    records: tuple[Record, Record]
    asked: list[AskInput] = field(default_factory=list[AskInput])
    gate: threading.Event = field(default_factory=threading.Event)
    """Holds the second half of an answer back."""
    failing: bool = False

    def stream(
        self, workspace: Workspace, asked: AskInput, caller: Caller
    ) -> Iterator[str | AskOutput]:
        self.asked.append(asked)
        yield ANSWER[:18]
        self.gate.wait(20)
        if self.failing:
            raise AnswerError("the language model broke off; ask again")
        yield ANSWER[18:]
        yield AskOutput(
            answer=ANSWER,
            citations=tuple(map(citation, self.records)),
            abstained="unicorn" in asked.question,
            checks=(check("0.25 kWh", "verified"), check("9.99 kg", "marked")),
            notes=(),
        )


def citation(record: Record) -> CitationOutput:
    return CitationOutput(
        id=record.id,
        uuid=record.uuid,
        version=record.version,
        name=display_name(record),
        database=record.database,
        place=record.place.code if record.place else None,
        year=2020,
        owner=None,
        licence=None,
        name_zh="; ".join(text for _, text in record.name.base.entries if is_chinese(text)) or None,
    )


def check(claim: str, status: Literal["verified", "marked"]) -> CheckOutput:
    return CheckOutput(
        claim=claim, kind="number", status=status, reason="as the script says", start=None, end=None
    )


def hostile(record: Record) -> Record:
    """A record whose words try to act."""
    name = Name(base=Text.of(server_fixtures.HOSTILE))
    return replace(record, uuid="0" * 8, name=name, comment=Text.of(server_fixtures.HOSTILE))


@pytest.fixture(scope="module")
def records() -> tuple[Record, ...]:
    found = server_fixtures.demo_records()[-12:]
    return (*found, hostile(found[0]))


@pytest.fixture(scope="module")
def folder(records: tuple[Record, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return server_fixtures.build(tmp_path_factory.mktemp("page") / "demo.lca", records)


@pytest.fixture
def script(records: tuple[Record, ...], monkeypatch: pytest.MonkeyPatch) -> Script:
    """The script of the server's answers, open from the start."""
    script = Script((records[0], records[-1]))
    script.gate.set()
    monkeypatch.setattr("lca_rag.server.openai.stream", script.stream)
    return script


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with server_fixtures.running(create_app(server_fixtures.workspace(folder))) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, url: str, script: Script) -> Iterator[Page]:
    """The page, freshly opened; a test fails if its console shows an error."""
    context = browser.new_context(
        viewport={"width": 1200, "height": 800}, locale="en-US", permissions=["clipboard-read"]
    )
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    opened.goto(url)
    opened.wait_for_selector("#examples .chip")
    yield opened
    context.close()
    assert faults == []


def ask(page: Page, question: str = QUESTION) -> None:
    page.fill("#question", question)
    page.keyboard.press("Enter")
    page.wait_for_selector(".turn:last-child .sources")


@browsing
def test_an_answer_streams_and_ends_with_marked_figures(page: Page, script: Script) -> None:
    script.gate.clear()
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=It takes 0.25 kWh")
    assert page.get_attribute(".answered", "aria-busy") == "true"
    assert page.inner_text("#send") == "Stop"
    assert page.locator(".sources").count() == 0
    script.gate.set()
    page.wait_for_selector(".sources")
    assert page.get_attribute(".answered", "aria-busy") is None
    assert page.inner_text(".figure:not(.doubt)").startswith("0.25 kWh")
    assert page.inner_text(".figure.doubt").startswith("9.99 kg")
    assert page.inner_text(".verdict") == "1 of 2 figures confirmed."
    assert page.locator(".answered td").all_inner_texts() == ["Power", "0.25"]
    assert page.inner_text(".answered em") == "first"
    assert page.inner_text("#status") == "Answer complete."
    assert page.locator(".sources li").count() == 2


@browsing
def test_a_citation_opens_its_evidence_and_gives_the_focus_back(
    page: Page, records: tuple[Record, ...]
) -> None:
    ask(page)
    cite = page.locator(".prose p .cite").first
    cite.click()
    page.wait_for_selector("#panel .prose")
    assert page.inner_text("#panel-title") == display_name(records[0])
    assert records[0].id in page.inner_text("#panel-evidence")
    assert cite.get_attribute("aria-expanded") == "true"
    assert page.evaluate("document.activeElement.id") == "panel"
    page.keyboard.press("Escape")
    assert page.is_hidden("#panel")
    assert page.evaluate("document.activeElement.className") == "cite"
    assert cite.get_attribute("aria-expanded") == "false"


@browsing
def test_similar_records_open_from_the_panel(page: Page) -> None:
    ask(page)
    page.locator(".prose p .cite").first.click()
    page.click("#panel-similar")
    page.wait_for_selector(".found button")
    name = page.locator(".found button").first.inner_text()
    page.locator(".found button").first.click()
    page.wait_for_selector("#panel .prose")
    assert page.inner_text("#panel-title") == name


@browsing
def test_filters_go_with_the_question(page: Page, script: Script) -> None:
    page.click("#filters summary")
    page.fill("#f-place", "DE")
    page.fill("#f-year", "2020")
    page.select_option("#f-kind", "process")
    page.select_option("#f-database", "demo")
    page.check("#f-strict")
    assert page.inner_text("#filters-set") == "DE · 2020 · Process · demo · only exact"
    ask(page)
    [asked] = script.asked
    assert (asked.place, asked.year, asked.kind, asked.strict) == ("DE", 2020, "process", True)
    assert asked.database == ("demo",)
    assert "Filters: DE" in page.inner_text(".asked .wished")
    page.click("#filters-clear")
    assert page.is_hidden("#filters-set")


@browsing
def test_follow_up_questions_carry_the_conversation(page: Page, script: Script) -> None:
    ask(page)
    page.locator(".follow .chip").first.click()
    page.wait_for_selector(".turn:nth-child(4) .sources")
    first, second = script.asked
    assert first.history == ()
    assert [turn.role for turn in second.history] == ["user", "assistant"]
    assert second.history[0].content == QUESTION
    page.click("#fresh")
    assert page.locator(".turn").count() == 0
    assert page.is_visible("#welcome")


@browsing
def test_an_example_asks_itself(page: Page, script: Script) -> None:
    example = page.locator("#examples .chip").first
    words = example.inner_text()
    example.click()
    page.wait_for_selector(".sources")
    assert script.asked[0].question == words


@browsing
def test_the_language_switches_everywhere(page: Page) -> None:
    ask(page)
    page.click("#language")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.inner_text("#send") == "提问"
    assert page.inner_text(".verdict") == "2 个数字中 1 个得到证实。"
    assert page.get_attribute("#question", "placeholder") == "询问某个过程、流或数值……"
    english = re.findall(r"\b[A-Za-z]{4,}\b", page.inner_text(".composer"))
    assert set(english) <= {"Shift"}
    page.reload()
    page.wait_for_selector("#examples .chip")
    assert page.inner_text("#language") == "English"
    page.click("#language")


@browsing
@pytest.mark.parametrize("width", [1280, 380])
def test_the_chinese_page_asks_on_in_chinese(
    page: Page, script: Script, records: tuple[Record, ...], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 780})
    chinese, english = citation(records[0]).name_zh, display_name(records[0]).split(";")[0]
    assert chinese
    ask(page)
    assert english in page.inner_text(".follow")
    page.click("#language")
    chips = page.locator(".follow .chip").all_inner_texts()
    assert len(chips) == 3
    for words in chips:
        assert words.startswith(chinese)
        assert not re.search("[A-Za-z]", words)
    assert chinese in page.inner_text(".sources")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.locator(".follow .chip").first.click()
    page.wait_for_selector(".turn:nth-child(4) .sources")
    assert script.asked[1].question == chips[0]


@browsing
def test_everything_works_by_keyboard(page: Page) -> None:
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.type(QUESTION)
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Second line")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sources")
    assert page.inner_text(".asked .bubble") == f"{QUESTION}\nSecond line"
    page.locator(".prose p .cite").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel .prose")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "panel-close"
    page.keyboard.press("Enter")
    assert page.is_hidden("#panel")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "question"


@browsing
def test_stopping_keeps_what_came(page: Page, script: Script) -> None:
    script.gate.clear()
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=It takes 0.25 kWh")
    page.keyboard.press("Escape")
    page.wait_for_selector("text=Stopped.")
    script.gate.set()
    assert page.inner_text("#send") == "Ask"


@browsing
def test_an_error_is_told_and_the_next_question_goes_on(page: Page, script: Script) -> None:
    script.failing = True
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".failed")
    assert "the language model broke off; ask again" in page.inner_text(".failed")
    script.failing = False
    ask(page)
    assert script.asked[-1].history == ()


@browsing
def test_declining_is_shown_as_such(page: Page) -> None:
    ask(page, "How much unicorn?")
    assert page.locator(".answered.abstained").count() == 1
    assert page.inner_text(".verdict") == "Not answered: the records do not hold it."


@browsing
def test_words_of_a_record_never_act(page: Page, records: tuple[Record, ...]) -> None:
    ask(page)
    page.locator(".sources .cite").nth(1).click()
    page.wait_for_selector("#panel .prose")
    assert page.inner_text("#panel-title").startswith("<img src=x onerror=")
    assert "<script>" in page.inner_text("#panel-evidence")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hurt") is None
    for tag in ("img", "iframe", "object", "link[rel=stylesheet]", "a[href^=http]"):
        assert page.locator(f"body {tag}").count() == 0
    assert page.locator("script").count() == 1


@browsing
def test_the_browser_itself_refuses_markup(browser: Browser, url: str) -> None:
    """Even a fault of ours that wrote text as markup would be stopped by the page's policy."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    for attempt in (
        "document.body.innerHTML = '<b>x</b>'",
        "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
    ):
        refused = page.evaluate(
            f"() => {{ try {{ {attempt}; return null }} catch (error) {{ return error.name }} }}"
        )
        assert refused == "TypeError", attempt
    context.close()


@browsing
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 380])
def test_no_serious_fault_of_accessibility(
    page: Page, scheme: Literal["light", "dark"], width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
    page.click("#filters summary")
    states = [axe.run(page)]
    page.click("#filters summary")
    ask(page)
    states.append(axe.run(page))
    page.locator(".sources .cite").first.click()
    page.wait_for_selector("#panel .prose")
    states.append(axe.run(page))
    found = [
        (violation["id"], node["html"])
        for state in states
        for violation in state.response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert found == []


@browsing
def test_a_phone_shows_everything(page: Page) -> None:
    page.set_viewport_size({"width": 380, "height": 780})
    ask(page)
    page.click("#filters summary")
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    for control in ("#question", "#send", "#language", "#theme", "#f-database"):
        box = page.locator(control).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 380
        assert box["height"] >= 24
    page.click("#filters summary")
    page.locator(".sources .cite").first.click()
    page.wait_for_selector("#panel .prose")
    panel = page.locator("#panel").bounding_box()
    assert panel is not None
    assert (panel["x"], panel["width"]) == (0, 380)
    page.click("#panel-close")


@browsing
def test_dark_and_light_are_remembered(page: Page) -> None:
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = paper()
    page.click("#theme")
    dark = paper()
    assert dark != light
    page.reload()
    page.wait_for_selector("#examples .chip")
    assert paper() == dark


@browsing
def test_copying_tells_that_it_worked(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page)
    page.click("text=Copy answer")
    page.wait_for_selector("#status:has-text('Copied.')", state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == ANSWER


@browsing
@pytest.mark.parametrize(
    ("button", "suffix", "words"),
    [("BibTeX", "bib", "@misc"), ("CSL-JSON", "json", '"type"'), ("CSV", "csv", "uuid")],
)
def test_citations_are_saved_as_files(
    page: Page, records: tuple[Record, ...], button: str, suffix: str, words: str
) -> None:
    ask(page)
    with page.expect_download() as waiting:
        page.click(f"text={button} ↓")
    saved = waiting.value
    assert saved.suggested_filename == f"lca-citations.{suffix}"
    content = Path(saved.path()).read_text("utf-8")
    assert words in content
    assert records[0].uuid in content


@browsing
def test_a_server_with_keys_asks_for_one(browser: Browser, folder: Path, script: Script) -> None:
    keys = KeyRing({digest("right"): Key(Caller("right"), requests_per_minute=0)})
    app = create_app(server_fixtures.workspace(folder), keys=keys)
    with server_fixtures.running(app) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#key-dialog[open]")
        page.fill("#key", "wrong")
        with page.expect_response(lambda answer: answer.status == 401):
            page.keyboard.press("Enter")
        # The dialog of the first asking is closed by now: this is the second one.
        page.wait_for_selector("#key-dialog[open]")
        page.fill("#key", "right")
        page.keyboard.press("Enter")
        page.wait_for_selector("#examples .chip")
        context.close()


def test_the_page_is_whole_and_asks_for_nothing_else() -> None:
    page = pages.chat_page()
    assert "/*STYLE*/" not in page.html
    assert "/*SCRIPT*/" not in page.html
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page.html)
    assert "innerHTML" not in page.html
    assert "unsafe" not in page.policy


def test_both_languages_have_every_word() -> None:
    text = pages.chat_page().html
    english, chinese = re.findall(r"^  (?:en|zh): \{\n(.*?)^  \},$", text, re.M | re.S)
    names = [re.findall(r"^    (\w+):", block, re.M) for block in (english, chinese)]
    assert names[0] == names[1]
    slots = [dict(re.findall(r'^    (\w+): "(.*)",$', block, re.M)) for block in (english, chinese)]
    for name in names[0]:
        assert sorted(re.findall(r"\{\w+\}", slots[0][name])) == sorted(
            re.findall(r"\{\w+\}", slots[1][name])
        ) or name in {"allChecked"}, name
    used = set(re.findall(r'data-(?:word|label|placeholder)="(\w+)"', text))
    used |= set(re.findall(r'\bsay\("(\w+)"', text))
    assert used <= set(names[0])
