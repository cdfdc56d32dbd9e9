"""Templates of the operator's own: what they see, what cannot act in them, and what becomes of one that is wrong."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from alert_cases import BERLIN, BOARD, a_message, a_quote, an_alert

from watcher.delivery import Look, Rendered, render
from watcher.delivery.samples import SAMPLES, sample
from watcher.delivery.templates import Templates
from watcher.delivery.trying import open_templates
from watcher.delivery.view import AlertView, MessageView, QuoteView
from watcher.domain.alerts import Alert, Message
from watcher.errors import ConfigError

HOSTILE = "<!channel> <http://evil.example|ok> `code` *b* <script>alert(1)</script> {{ 7+7 }} \u202eend"
DOC = Path(__file__).parents[2] / "docs" / "templates.md"


def shown(folder: Path, what: Alert | Message, **templates: str) -> Rendered:
    for form, text in templates.items():
        (folder / f"{form}.j2").write_text(text, encoding="utf-8")
    message = a_message(what) if isinstance(what, Alert) else what
    return render(message, Look(BERLIN, BOARD, None, Templates(folder)))


def problems(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        open_templates(folder)
    return [str(problem) for problem in caught.value.problems]


def test_a_template_of_the_folder_takes_the_place_of_the_shipped_one_and_the_others_stay(tmp_path: Path) -> None:
    made = shown(tmp_path, an_alert(), subject="[{{ alert.watchlist }}] {{ subject }}", text="{{ alert.kind }}")
    usual = render(a_message(an_alert()), Look(BERLIN, BOARD))

    assert made.subject == "[us-china] published: Outcome documents"
    assert made.text == "state_change\n"
    assert (made.html, made.slack, made.faults) == (usual.html, usual.slack, ())


def test_a_subject_is_one_line_under_seventy_characters_whatever_the_template_makes(tmp_path: Path) -> None:
    assert shown(tmp_path, an_alert(), subject="a\n\r\nBcc: x@y.z " + "word " * 99).subject.startswith(
        "a Bcc: x@y.z word"
    )
    assert len(shown(tmp_path, an_alert(), subject="word " * 99).subject) < 70
    assert shown(tmp_path, an_alert(), subject=" ").subject == "published: Outcome documents"


def test_a_template_may_use_the_shipped_one_and_parts_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "_foot.j2").write_text("The desk in Brussels", encoding="utf-8")
    text = "{% include 'shipped/text.j2' %}--\n{% include '_foot.j2' %}"
    usual = render(a_message(an_alert()), Look(BERLIN, BOARD)).text

    assert open_templates(tmp_path).own == ()
    assert shown(tmp_path, an_alert(), text=text).text == f"{usual}--\nThe desk in Brussels\n"
    assert open_templates(tmp_path).own == ("text",)


def test_hostile_text_acts_on_nothing_in_templates_of_ones_own_either(tmp_path: Path) -> None:
    alert = an_alert(title=HOSTILE, detail=HOSTILE, quotes=(a_quote(HOSTILE),))
    each = "{{ alert.title }} {{ alert.detail }} {{ alert.quotes[0].text }} {{ lines[0].text }} {{ subject }}"
    made = shown(tmp_path, alert, text=each, html=f"<p>{each}</p>", slack=f"*Title:* {each}")

    assert made.faults == ()
    assert "<script" not in made.html
    assert "&lt;script&gt;" in made.html
    assert "<" not in made.slack.replace("*Title:*", "")
    assert "`" not in made.slack
    assert made.slack.startswith("*Title:* &lt;!channel&gt;")
    for form in (made.text, made.html, made.slack):
        assert "{{ 7+7 }}" in form
        assert "\u202e" not in form


@pytest.mark.parametrize("trick", ["| safe", "| upper", "~ ''", ".replace('&', '&')", "| string"])
def test_no_filter_makes_a_text_act_in_slack(tmp_path: Path, trick: str) -> None:
    made = shown(tmp_path, an_alert(title=HOSTILE), slack=f"{{{{ alert.title {trick} }}}}".replace("title .", "title."))

    assert made.faults == ()
    assert "<" not in made.slack
    assert "`" not in made.slack


def test_safe_is_not_unsafe_in_html(tmp_path: Path) -> None:
    made = shown(
        tmp_path, an_alert(title=HOSTILE), html="{% autoescape false %}{{ alert.title | safe }}{% endautoescape %}"
    )

    assert "<script" not in made.html


def test_the_sandbox_lets_nothing_out(tmp_path: Path) -> None:
    for escape in ("{{ ''.__class__.__mro__ }}", "{{ alert.__init__.__globals__ }}", "{{ lines.__class__() }}"):
        made = shown(tmp_path, an_alert(), text=escape)
        assert "SecurityError" in made.faults[0] or "unsafe" in made.faults[0]
        assert made.text.startswith("published: Outcome documents\n")


@pytest.mark.parametrize(
    "wrong",
    [
        "{{ alert.nothing }}",
        "{{ 1 / 0 }}",
        "{% for a in range(99999) %}{{ subject * 9 }}{% endfor %}",
        "{{ lines[99] }}",
    ],
)
@pytest.mark.parametrize("form", ["subject", "text", "html", "slack"])
def test_a_template_that_fails_is_told_and_the_shipped_one_is_used(tmp_path: Path, form: str, wrong: str) -> None:
    made = shown(tmp_path, an_alert(), **{form: wrong})
    usual = render(a_message(an_alert()), Look(BERLIN, BOARD))

    assert replace(made, faults=()) == usual
    (fault,) = made.faults
    assert fault.startswith(f"{form}.j2: ")


def test_slack_text_that_never_fits_is_told(tmp_path: Path) -> None:
    made = shown(tmp_path, an_alert(), slack="x" * 9_000)

    assert made.faults == ("slack.j2: what it makes is too long",)
    assert "*Change:* awaited → published" in made.slack


# --- at `watcher check` -----------------------------------------------------------------------------------------------


def test_what_does_not_compile_is_a_mistake_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "text.j2").write_text("{{ subject }}\n{% for line in lines %}\n{{ line.text }\n", encoding="utf-8")
    (tmp_path / "html.j2").write_text("fine: {{ subject }}", encoding="utf-8")

    assert problems(tmp_path) == [f"{tmp_path / 'text.j2'}:3:1: unexpected '}}'"]


def test_what_fails_with_a_sample_is_a_mistake_with_file_line_and_sample(tmp_path: Path) -> None:
    (tmp_path / "text.j2").write_text("{{ subject }}\n{{ alert.quotes[0].text }}\n", encoding="utf-8")
    (tmp_path / "slack.j2").write_text("{{ subject }}\n\n{{ alert.colour }}\n", encoding="utf-8")

    slack, text = problems(tmp_path)
    assert slack.startswith(f"{tmp_path / 'slack.j2'}:3:1: it fails with a sample of state_change: ")
    assert "'AlertView' has no attribute 'colour'" in slack
    assert "(there is: kind, headline, reason, severity, " in slack
    assert text.startswith(f"{tmp_path / 'text.j2'}:2:1: it fails with a sample of reversal: ")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{{ alert.titel }}", "'AlertView' has no attribute 'titel'; did you mean \"title\"? (there is: kind, "),
        ("{{ alrts }}", "'alrts' is undefined; did you mean \"alerts\"? (there is: message, alert, alerts, lines, "),
        ("{{ lines[0].lnk }}", "has no attribute 'lnk'; did you mean \"link\"? (there is: "),
    ],
)
def test_an_unknown_name_is_a_mistake_that_says_what_there_is(tmp_path: Path, wrong: str, said: str) -> None:
    (tmp_path / "text.j2").write_text(wrong, encoding="utf-8")
    (problem,) = problems(tmp_path)
    assert said in problem


def test_a_file_that_no_form_reads_and_one_that_is_no_text_are_mistakes(tmp_path: Path) -> None:
    (tmp_path / "txt.j2").write_text("", encoding="utf-8")
    (tmp_path / "html.j2").write_bytes(b"\xff\xfe")

    html, txt = problems(tmp_path)
    assert html.startswith(f"{tmp_path / 'html.j2'}: it cannot be read")
    assert txt == (
        f"{tmp_path / 'txt.j2'}: no template has this name "
        "(allowed: subject.j2, text.j2, html.j2, slack.j2, and _NAME.j2 for parts of them)"
    )


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    assert problems(tmp_path / "none") == [f"{tmp_path / 'none'}: there is no such folder of templates"]


def test_without_a_folder_all_are_the_shipped_ones() -> None:
    assert open_templates(None).own == ()


def test_every_variable_is_documented_and_every_sample_can_be_shown_by_the_pages_example(tmp_path: Path) -> None:
    page = DOC.read_text(encoding="utf-8")
    for view in (MessageView, AlertView, QuoteView):
        for field in fields(view):
            assert f"`{field.name}`" in page, f"{view.__name__}.{field.name}"
    examples = page.split("```jinja\n")[1:]
    for form, example in zip(("subject", "slack"), examples, strict=True):
        (tmp_path / f"{form}.j2").write_text(example.split("```")[0], encoding="utf-8")
    assert open_templates(tmp_path).own == ("subject", "slack")
    for name in SAMPLES:
        assert render(sample(name), Look(BERLIN, BOARD, None, open_templates(tmp_path))).faults == ()
