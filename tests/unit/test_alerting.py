"""What is told of a transition, and to whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from watcher.domain.alerting import dispute, dispute_key, plan
from watcher.domain.alerting import test_alert as alert_for_a_test
from watcher.domain.alerts import AlertKind
from watcher.domain.decision import decide
from watcher.domain.model import (
    Evidence,
    EvidenceRule,
    Item,
    Lifecycle,
    Reason,
    Standing,
    State,
    Status,
    Stay,
    Tier,
    Transition,
)

NOW = datetime(2025, 9, 25, 14, 0, tzinfo=UTC)
BEGAN = datetime(2025, 9, 14, tzinfo=UTC)

APPROVAL = Lifecycle(
    id="approval",
    title="Approval",
    question="Will {title} be approved?",
    states={
        "pending": State("pending", "still pending", "Nobody decided.", "A decision.", ("approved",), (Status.DONE,)),
        "approved": State("approved", "approved", "It may go ahead.", "", (), (Status.DONE,), final=True),
    },
    start=("pending",),
)
ITEM = Item(
    id="us-approval",
    title="the TikTok deal",
    lifecycle="approval",
    state="pending",
    watchlist="us-china",
    severity="high",
    tags=("tiktok", "us"),
    note="Call legal.",
)
BEFORE = Standing("us-approval", "pending", BEGAN, source="ABC News")


def evidence(id: str, outlet: str, tier: Tier, hours: int = 0, owner: str = "", quote: str = "") -> Evidence:
    return Evidence(
        id=id,
        item="us-approval",
        entry=f"entry-{id}",
        state="approved",
        status=Status.DONE,
        cue="approves",
        quote=quote or f"{outlet} says so.",
        at=NOW - timedelta(hours=hours),
        outlet=outlet,
        tier=tier,
        owner=owner or outlet,
        title=f"Title of {outlet}",
        link=f"https://{id}.example/",
    )


def transition(
    *ids: str, reason: Reason = Reason.ALONE, sources: int = 1, detail: str = "as the decision says"
) -> Transition:
    return Transition(
        item="us-approval",
        from_state="pending",
        to_state="approved",
        at=NOW,
        status=Status.DONE,
        reason=reason,
        evidence=ids,
        entries=tuple(f"entry-{id}" for id in ids),
        sources=sources,
        detail=detail,
    )


def test_an_alert_is_complete_in_itself() -> None:
    found = plan(transition("a"), ITEM, APPROVAL, [evidence("a", "Reuters", Tier.WIRE)], BEFORE)

    assert found.kind is AlertKind.STATE_CHANGE
    assert (found.item, found.watchlist, found.title) == ("us-approval", "us-china", "the TikTok deal")
    assert found.question == "Will the TikTok deal be approved?"
    assert (found.from_label, found.to_label) == ("still pending", "approved")
    assert (found.meaning, found.next) == ("It may go ahead.", "Nothing: this is a last state.")
    assert (found.from_since, found.from_source) == (BEGAN, "ABC News")
    assert (found.severity, found.note) == ("high", "Call legal.")
    assert (found.reason, found.detail) == (Reason.ALONE, "as the decision says")
    assert [(q.text, q.outlet, q.link) for q in found.quotes] == [("Reuters says so.", "Reuters", "https://a.example/")]


def test_the_best_tier_is_quoted_first_then_the_newest_one_per_owner_and_four_at_most() -> None:
    known = [
        evidence("old-wire", "AFP", Tier.WIRE, hours=9),
        evidence("press", "The Daily", Tier.PRESS, hours=1),
        evidence("sister", "The Sunday Daily", Tier.PRESS, owner="The Daily"),
        evidence("blog", "A blog", Tier.OTHER),
        evidence("official", "White House", Tier.OFFICIAL, hours=20),
        evidence("new-wire", "Reuters", Tier.WIRE, hours=2),
        evidence("other-wire", "AP", Tier.WIRE, hours=5),
    ]
    found = plan(transition(*(e.id for e in known)), ITEM, APPROVAL, known, BEFORE)

    assert [quote.outlet for quote in found.quotes] == ["White House", "Reuters", "AP", "AFP"]

    without_wires = [e for e in known if e.tier is not Tier.WIRE]
    found = plan(transition(*(e.id for e in without_wires)), ITEM, APPROVAL, without_wires, BEFORE)
    assert [quote.outlet for quote in found.quotes] == ["White House", "The Sunday Daily", "A blog"]


def test_evidence_that_did_not_cause_the_transition_is_not_quoted() -> None:
    known = [evidence("a", "Reuters", Tier.WIRE), evidence("b", "White House", Tier.OFFICIAL)]

    assert [q.outlet for q in plan(transition("a"), ITEM, APPROVAL, known, BEFORE).quotes] == ["Reuters"]


def test_a_state_the_lifecycle_no_longer_has_is_told_by_its_id() -> None:
    empty = Lifecycle("approval", "Approval", "", {}, ())

    found = plan(transition(), ITEM, empty, [], BEFORE)

    assert (found.from_label, found.to_label, found.next, found.meaning) == ("pending", "approved", "", "")


@pytest.mark.parametrize(
    ("enough", "told", "reason", "said"),
    [
        (Tier.WIRE, [("MOFCOM", Tier.OFFICIAL)], Reason.OFFICIAL, "an official source says so: MOFCOM"),
        (Tier.WIRE, [("Reuters", Tier.WIRE)], Reason.ALONE, "one source that is enough alone says so: Reuters"),
        (Tier.PRESS, [("The Daily", Tier.PRESS)], Reason.ALONE, "one source that is enough alone says so: The Daily"),
        (Tier.PRESS, [("", Tier.PRESS)], Reason.ALONE, "one source that is enough alone says so: an unnamed outlet"),
        (
            Tier.WIRE,
            [("The Daily", Tier.PRESS), ("The Post", Tier.PRESS)],
            Reason.CORROBORATED,
            "2 independent sources say so: The Daily and The Post",
        ),
        (
            Tier.OFFICIAL,
            [("AFP", Tier.WIRE), ("Reuters", Tier.WIRE), ("The Post", Tier.PRESS)],
            Reason.CORROBORATED,
            "3 independent sources say so: AFP, Reuters and The Post",
        ),
    ],
)
def test_an_alert_says_why_in_the_words_of_the_decision(
    enough: Tier, told: list[tuple[str, Tier]], reason: Reason, said: str
) -> None:
    item = replace(ITEM, evidence=EvidenceRule(enough, sources=len(told)))
    known = [evidence(f"e{n}", outlet, tier, hours=9 - n) for n, (outlet, tier) in enumerate(told)]
    known = [replace(e, title=f"{'abcdefgh'[n] * 20} story") for n, e in enumerate(known)]  # no copies of one another
    made = decide(item, APPROVAL, BEFORE, known[:-1], known[-1])

    assert isinstance(made, Transition)
    found = plan(made, item, APPROVAL, known, BEFORE)
    assert (found.reason, found.detail, found.sources) == (reason, said, len(told))


def test_a_reversal_says_what_it_goes_back_on() -> None:
    found = plan(transition("a"), ITEM, APPROVAL, [evidence("a", "Reuters", Tier.WIRE)], BEFORE, reversal=True)

    assert found.kind is AlertKind.REVERSAL
    assert found.detail == "as the decision says; it goes back on “still pending”, where it stood since 2025-09-14"
    plain = plan(transition("a"), ITEM, APPROVAL, [evidence("a", "Reuters", Tier.WIRE)], BEFORE)
    assert replace(found, kind=plain.kind, detail=plain.detail) == plain


def test_a_change_says_that_it_settles_a_dispute() -> None:
    found = plan(transition("a"), ITEM, APPROVAL, [], replace(BEFORE, disputed=True))

    assert found.detail == "as the decision says; what it was told before was disputed"


def denial(id: str, outlet: str, tier: Tier) -> Evidence:
    return replace(evidence(id, outlet, tier), status=Status.DENIED, quote=f"{outlet} denies it.")


def test_a_dispute_quotes_both_sides_and_is_told_once_while_it_stands_there() -> None:
    told = [evidence("a", "Reuters", Tier.WIRE), evidence("b", "AP", Tier.WIRE, 1), evidence("c", "AFP", Tier.WIRE, 2)]
    denied = [denial("x", "White House", Tier.OFFICIAL), denial("y", "A blog", Tier.OTHER)]
    stay = Stay("us-approval", Reason.DISPUTED, "", ("a", "b", "c"), ("x", "y"))

    found = dispute(told[0], stay, [*told, *denied], ITEM, APPROVAL, BEFORE)

    assert found is not None
    assert (found.kind, found.reason, found.detail) == (
        AlertKind.DISPUTED,
        Reason.DISPUTED,
        "told by Reuters, AP, AFP; denied by White House, A blog",
    )
    assert (found.from_state, found.to_state, found.status, found.tier) == (
        "pending", "approved", Status.DONE, Tier.OFFICIAL,
    )  # fmt: skip
    assert [quote.outlet for quote in found.quotes] == ["Reuters", "AP", "White House", "A blog"]
    assert set(found.entries) == {f"entry-{id}" for id in "abcxy"}
    assert dispute_key(found) == ("disputed", "us-approval", "20250914T000000", "pending")
    assert dispute(told[0], stay, told, ITEM, APPROVAL, replace(BEFORE, disputed=True)) is None
    assert dispute(told[0], replace(stay, reason=Reason.WAITING), told, ITEM, APPROVAL, BEFORE) is None


def test_a_denial_of_where_it_stands_goes_nowhere() -> None:
    standing = replace(BEFORE, state="approved", since=NOW)
    told, denied = evidence("a", "Reuters", Tier.WIRE), denial("x", "White House", Tier.OFFICIAL)
    stay = Stay("us-approval", Reason.DISPUTED, "", ("a",), ("x",))

    found = dispute(denied, stay, [told, denied], ITEM, APPROVAL, standing)

    assert found is not None
    assert (found.from_state, found.to_state, found.status) == ("approved", "approved", Status.DENIED)
    assert (found.sources, [quote.text for quote in found.quotes]) == (
        1,
        ["Reuters says so.", "White House denies it."],
    )


def test_a_test_alert_says_that_it_is_one() -> None:
    found = alert_for_a_test(NOW)

    assert found.kind is AlertKind.TEST
    assert found.at == NOW
    assert "test" in found.detail
