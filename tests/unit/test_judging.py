"""From an entry to a decision: gates of the subject, independence of sources, and every reason to move or stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.backtest import backtest
from watcher.config.lexicons import load_languages, load_lexicons
from watcher.config.lifecycles import shipped_lifecycles
from watcher.domain.evidence import independent
from watcher.domain.model import (
    About,
    Actor,
    Entry,
    EvidenceRule,
    Item,
    Near,
    Outlet,
    Reason,
    Rules,
    Standing,
    Stay,
    Tier,
    Transition,
)
from watcher.domain.notices import Notice, Notices
from watcher.domain.reading import strip_outlet
from watcher.judging import Docket, Judge, compare, opening

START = datetime(2026, 3, 1, tzinfo=UTC)
ACTORS = {
    "norland": Actor("norland", ("Norland", "Norlandic government", "Premier Aske")),
    "sudra": Actor("sudra", ("Sudra", "Sudran")),
}
BAN = Item(
    "timber-ban",
    "Norland's timber export ban",
    "restriction",
    "in_force",
    since=START,
    decided_by=("norland",),
    about=About(all=(("timber", "lumber"), ("ban", "export"))),
)
OUTLETS = (
    Outlet("Norland Gazette", Tier.OFFICIAL, of="norland"),
    Outlet("Northern Wire", Tier.WIRE),
    Outlet("Daily Post", Tier.PRESS, owner="Big Media"),
    Outlet("Evening Post", Tier.PRESS, owner="Big Media"),
    Outlet("Harbour Times", Tier.PRESS),
)


@cache
def rules(*items: Item) -> Rules:
    return Rules(items, ACTORS, shipped_lifecycles(), OUTLETS, load_lexicons(), load_languages())


@cache
def judge_of(*items: Item) -> Judge:
    return Judge(rules(*items))


def entry(title: str, source: str = "Northern Wire", hours: float = 1, **more: object) -> Entry:
    at = START + timedelta(hours=hours)
    return replace(Entry(f"{source}-{hours}-{title}", "feed", title, at, at, source=source), **more)


def outcome(entries: Sequence[Entry], *items: Item) -> list[Transition | Stay]:
    judge = Judge(rules(*(items or (BAN,))))
    docket = Docket(judge, opening(judge.rules.items), lambda _item: ())
    return [d for e in entries for d in docket.take(e).decisions]


# --- what is enough -------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "reason"), [("Norland Gazette", Reason.OFFICIAL), ("Northern Wire", Reason.ALONE)])
def test_one_source_close_enough_moves_an_item(source: str, reason: Reason) -> None:
    (made,) = outcome([entry("Norland lifts timber ban", source)])
    assert isinstance(made, Transition)
    assert (made.from_state, made.to_state, made.reason, made.sources) == ("in_force", "lifted", reason, 1)


def test_press_needs_a_second_independent_source() -> None:
    first, same_owner, second = outcome(
        [
            entry("Norland lifts timber ban", "Daily Post", 1),
            entry("Timber ban lifted by Norland after two years", "Evening Post", 2),
            entry("Norland scraps its ban on timber exports", "Harbour Times", 3),
        ]
    )
    assert [d.reason for d in (first, same_owner, second)] == [Reason.WAITING, Reason.WAITING, Reason.CORROBORATED]
    assert isinstance(second, Transition)
    assert second.sources == 2
    assert len(second.evidence) == 2


def test_a_copied_story_counts_once() -> None:
    text = "Norland lifts timber ban after talks with sawmills"
    made = outcome([entry(text, "Daily Post", 1), entry(text, "Harbour Times", 2)])
    assert [d.reason for d in made] == [Reason.WAITING, Reason.WAITING]


def test_two_sources_outside_the_window_do_not_add_up() -> None:
    made = outcome(
        [entry("Norland lifts timber ban", "Daily Post", 1), entry("Timber ban lifted", "Harbour Times", 60)]
    )
    assert [d.reason for d in made] == [Reason.WAITING, Reason.WAITING]


def test_sources_nobody_has_graded_are_not_enough_among_themselves() -> None:
    made = outcome([entry("Norland lifts timber ban", "A blog"), entry("Timber ban scrapped", "Another blog", 2)])
    assert [d.reason for d in made] == [Reason.WAITING, Reason.WAITING]


def test_without_graded_outlets_every_one_counts_as_press() -> None:
    ungraded = Rules((BAN,), ACTORS, shipped_lifecycles(), (), load_lexicons())
    docket = Docket(Judge(ungraded), opening((BAN,)), lambda _item: ())
    docket.take(entry("Norland lifts timber ban", "A paper", 1))
    docket.take(entry("Timber ban scrapped by Norland", "Another paper", 2))
    assert docket.standings[BAN.id].state == "lifted"


def test_a_link_that_is_no_address_names_no_outlet() -> None:
    (made,) = outcome([entry("Norland lifts timber ban", "Somebody", link="http://[bad")])
    assert made.reason is Reason.WAITING


def test_an_item_may_ask_for_more() -> None:
    strict = replace(BAN, evidence=EvidenceRule(alone=Tier.OFFICIAL, sources=3))
    made = outcome([entry("Norland lifts timber ban"), entry("Timber ban scrapped", "Daily Post", 2)], strict)
    assert [d.reason for d in made] == [Reason.WAITING, Reason.WAITING]


# --- reasons to stay ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("Norland may lift timber ban", Reason.SOFT),
        ("Sudra urges Norland to lift timber ban", Reason.SOFT),
        ("Sources say Norland lifted timber ban", Reason.SOFT),
        ("Norland refuses to lift timber ban", Reason.SOFT),
        ("How the timber ban works", Reason.NO_STATE),
    ],
)
def test_soft_news_moves_nothing(title: str, reason: Reason) -> None:
    (made,) = outcome([entry(title)])
    assert isinstance(made, Stay)
    assert made.reason is reason


def test_what_it_is_already_is_no_change() -> None:
    made = outcome([entry("Norland lifts timber ban"), entry("Timber ban lifted in Norland", "Daily Post", 2)])
    assert [d.reason for d in made] == [Reason.ALONE, Reason.SAME]


def test_a_lifecycle_allows_only_its_steps() -> None:
    deal = Item("port-sale", "Sale of the port", "deal", "closed", since=START, about=About(all=(("port sale",),)))
    (made,) = outcome([entry("Bidders sign port sale")], deal)
    assert made.reason is Reason.UNREACHABLE


def test_older_news_does_not_undo_newer() -> None:
    judge = Judge(rules(BAN))
    standing = Standing(BAN.id, "lifted", START + timedelta(days=3), version=1)
    docket = Docket(judge, {BAN.id: standing}, lambda _item: ())
    assert docket.take(entry("Norland tightens timber export ban")).decisions[0].reason is Reason.STALE


def test_a_denial_as_good_holds_the_item() -> None:
    denied, told = outcome(
        [
            entry("Norland denies it lifted timber ban", "Norland Gazette", 1),
            entry("Norland has lifted timber ban", "Northern Wire", 2),
        ]
    )
    assert (denied.reason, told.reason) == (Reason.SOFT, Reason.DISPUTED)


def test_a_held_item_is_marked_disputed_until_it_moves() -> None:
    docket = Docket(judge_of(BAN), opening((BAN,)), lambda _item: ())
    docket.take(entry("Norland denies it lifted timber ban", "Norland Gazette", 1))
    docket.take(entry("Norland has lifted timber ban", "Northern Wire", 2))
    assert docket.standings[BAN.id].disputed
    docket.take(entry("Norland has lifted timber ban", "Northern Wire", 70))
    assert (docket.standings[BAN.id].state, docket.standings[BAN.id].disputed) == ("lifted", False)


LIFTED, DENIES = "Norland lifts timber ban", "Norland denies it lifted timber ban"


@pytest.mark.parametrize(
    ("told_by", "denied_by", "hours", "reason"),
    [
        ("Northern Wire", "Norland Gazette", 2, Reason.DISPUTED),
        ("Norland Gazette", "Northern Wire", 2, Reason.SOFT),  # not as good
        ("Northern Wire", "Daily Post", 2, Reason.SOFT),
        ("Northern Wire", "Northern Wire", 2, Reason.SOFT),  # the same one, which takes nothing back
        ("Northern Wire", "Norland Gazette", 50, Reason.SOFT),  # the window has closed
    ],
)
def test_a_denial_after_the_change_disputes_it(told_by: str, denied_by: str, hours: float, reason: Reason) -> None:
    docket = Docket(judge_of(BAN), opening((BAN,)), lambda _item: ())
    (moved,) = docket.take(entry(LIFTED, told_by, 1)).decisions
    (denied,) = docket.take(entry(DENIES, denied_by, hours)).decisions
    assert isinstance(moved, Transition)
    assert isinstance(denied, Stay)
    assert denied.reason is reason
    standing = docket.standings[BAN.id]
    assert (standing.state, standing.disputed) == ("lifted", reason is Reason.DISPUTED)
    if reason is Reason.DISPUTED:
        assert (len(denied.telling), len(denied.denying)) == (1, 1)


def test_who_confirms_a_change_meanwhile_counts_against_a_denial() -> None:
    told = [entry(LIFTED, "Northern Wire", 1), entry("Timber ban lifted in Norland", "Norland Gazette", 2)]
    assert outcome([*told, entry(DENIES, "Harbour Times", 3)])[-1].reason is Reason.SOFT
    other = Outlet("Second Wire", Tier.WIRE)
    two = Judge(replace(rules(BAN), outlets=(*OUTLETS, other)))
    docket = Docket(two, opening((BAN,)), lambda _item: ())
    docket.take(told[0])
    assert docket.take(entry(DENIES, "Second Wire", 2)).decisions[0].reason is Reason.DISPUTED


def test_a_denial_of_what_the_watch_began_with_is_none_of_a_change() -> None:
    lifted = replace(BAN, state="lifted")
    assert [made.reason for made in outcome([entry(DENIES, "Norland Gazette", 1)], lifted)] == [Reason.SOFT]


def test_a_denial_of_another_day_is_not_of_this_one() -> None:
    truce = Item(
        "truce", "The truce", "deadline", "set", since=START, value="2026-04-01", about=About(all=(("truce",),))
    )
    docket = Docket(judge_of(truce), opening((truce,)), lambda _item: ())
    docket.take(entry("Norland extends truce to 10 May 2026", "Northern Wire", 1))
    assert docket.standings["truce"].value == "2026-05-10"
    docket.take(entry("Norland denies it extended truce to 20 June 2026", "Norland Gazette", 2))
    assert not docket.standings["truce"].disputed
    docket.take(entry("Norland denies it extended truce to 10 May 2026", "Norland Gazette", 3))
    assert docket.standings["truce"].disputed


@pytest.mark.parametrize(
    ("title", "language"),
    [
        ("Norland levanta la prohibición del timber y los ban", ""),
        ("Norland hebt das timber ban auf und will mehr", ""),
        ("ノルランド timber ban を解除", ""),
        ("Норланд отменил timber ban", ""),
        ("Norland timber ban opgeheven", "nl"),
    ],
)
def test_another_language_only_mentions_and_says_so(title: str, language: str) -> None:
    (reading,) = judge_of(BAN).read(entry(title, language=language))
    assert (reading.state, reading.status.value) == (None, "mention")
    assert "not read" in reading.why[0]


def test_a_new_date_is_a_change_that_says_both() -> None:
    truce = Item(
        "truce",
        "Ferry strike truce",
        "deadline",
        "set",
        since=START,
        value="2026-04-01",
        about=About(all=(("ferry",), ("truce",))),
    )
    first, again, later = outcome(
        [
            entry("Ferry truce extended to 16 May", hours=1),
            entry("Ferry truce extended until May 16", hours=2),
            entry("Ferry truce extended to 1 July", hours=30),
        ],
        truce,
    )
    assert isinstance(first, Transition)
    assert (first.from_value, first.to_value) == ("2026-04-01", "2026-05-16")
    assert again.reason is Reason.SAME
    assert isinstance(later, Transition)
    assert (later.from_state, later.from_value, later.to_value) == ("extended", "2026-05-16", "2026-07-01")


def test_an_item_is_not_watched_before_its_time() -> None:
    assert outcome([entry("Norland lifts timber ban", hours=-5)]) == []


# --- the subject ----------------------------------------------------------------------------------


def told(item: Item, title: str, **more: object) -> list[str]:
    return [r.status.value for r in judge_of(item).read(entry(title, **more))]


def test_every_condition_of_the_subject_must_hold() -> None:
    item = replace(
        BAN,
        about=About(
            all=(("timber",),), any=("ban", "curb"), none=("furniture",), near=(Near((("timber",), ("export",)), 3),)
        ),
    )
    assert told(item, "Norland lifts timber export ban") == ["done"]
    assert told(item, "Norland lifts timber export levy") == []
    assert told(item, "Norland lifts timber export ban on furniture") == []
    assert told(item, "Norland lifts timber ban after a long fight over its many exports") == []


def test_an_actor_stands_for_all_its_names() -> None:
    item = replace(BAN, about=About(all=(("@norland",), ("timber",))))
    assert told(item, "Premier Aske speaks of timber") == ["mention"]
    assert told(item, "Timber prices rise") == []


def test_the_outlets_name_is_no_text() -> None:
    assert strip_outlet("Ban lifted - Timber Export News", "Timber Export News") == "Ban lifted"
    assert strip_outlet("Ban lifted | World", "") == "Ban lifted"
    assert strip_outlet("Lift it - or face a strike, unions tell Norland", "Wire") == (
        "Lift it - or face a strike, unions tell Norland"
    )


def test_a_summary_does_not_outvote_its_titles_denial() -> None:
    summary = "A minister said the step was taken. Norland lifted timber ban on Monday."
    assert told(BAN, "Norland denies it lifted timber ban", summary=summary) == ["denied"]
    assert told(BAN, "Norland and the sawmills", summary=summary) == ["done"]


def test_what_stands_deep_in_a_text_about_something_else_is_background() -> None:
    filler = "Norland has much timber. Its timber ban is old. Timber exports matter. "
    assert told(BAN, "A walk in the woods", summary="Norland lifted its timber ban.") == ["done"]
    other = replace(BAN, id="oil", about=About(all=(("oil",),)))
    summary = "Oil rose. Oil fell. Oil rose again. Norland lifted its timber ban."
    readings = judge_of(BAN, other).read(entry("Markets", summary=summary))
    assert {r.item: r.status.value for r in readings}[BAN.id] == "mention"
    assert told(BAN, "Timber ban news", summary=filler + "Norland lifted its timber ban.") == ["done"]


# --- what holds for any text ----------------------------------------------------------------------

WORDS = st.sampled_from(
    "Norland Sudra lifts lift may to refuses urges timber ban export says if , : ? . ” — not lifted by will 木材 and "
    "after amid the tightens talks sources “ ' U.S. 50%".split()
)
HEADLINES = st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=25).map(" ".join))


@given(HEADLINES)
@settings(max_examples=300, deadline=None)
def test_any_text_gives_states_of_the_lifecycle_and_true_offsets(text: str) -> None:
    judge = judge_of(BAN)
    for r in judge.read(entry(text, summary=text)):
        field = strip_outlet(text, "Northern Wire") if r.span.field == "title" else text
        assert field[r.span.start : r.span.end] == r.cue
        assert r.quote in text
        assert r.state is None or r.state in judge.rules.lifecycles["restriction"].states


@given(st.lists(st.tuples(HEADLINES, st.sampled_from([o.name for o in OUTLETS])), max_size=8))
@settings(max_examples=25, deadline=None)
def test_replay_gives_the_same_again(told: list[tuple[str, str]]) -> None:
    entries = [entry(text, source, hours) for hours, (text, source) in enumerate(told)]
    first = list(backtest(rules(BAN), entries))
    assert first == list(backtest(rules(BAN), entries))
    states = [t.to_state for j in first for t in j.transitions]
    assert all(a != b for a, b in pairwise(states))


@given(HEADLINES)
@settings(max_examples=100, deadline=None)
def test_an_unrelated_item_changes_no_reading(text: str) -> None:
    other = Item("visas", "Visa talks", "meeting", "proposed", about=About(all=(("visa talks",),)))
    alone = [r for r in judge_of(BAN).read(entry(text)) if r.item == BAN.id]
    assert alone == [r for r in judge_of(other, BAN).read(entry(text)) if r.item == BAN.id]


def test_independence_does_not_depend_on_order() -> None:
    judge = Judge(rules(BAN))
    texts = [
        ("Norland lifts timber ban", "Daily Post"),
        ("Timber ban ends as Norland gives way", "Evening Post"),
        ("Norland scraps ban on timber exports", "Harbour Times"),
    ]
    evidence = [
        e
        for hours, (text, source) in enumerate(texts)
        for e in judge.weigh(entry(text, source, hours), judge.read(entry(text, source, hours)))
    ]
    assert len(independent(evidence)) == len(independent(evidence[::-1])) == 2


# --- what an outlet takes back --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "notice"),
    [
        ("CORRECTED-Norland lifts timber ban", Notice.CORRECTED),
        ("CORRECTED (OFFICIAL)-Norland lifts timber ban", Notice.CORRECTED),
        ("UPDATE 2-CORRECTED-Norland lifts timber ban", Notice.CORRECTED),
        ("Correction: Norland lifts timber ban", Notice.CORRECTED),
        ("Norland lifts timber ban [Corrected on 4 May]", Notice.CORRECTED),
        ("RETRACTED: Norland lifts timber ban", Notice.RETRACTED),
        ("Norland lifts timber ban (story withdrawn)", Notice.RETRACTED),
        ("Withdraws story: Norland lifts timber ban", Notice.RETRACTED),
        ("更正：诺兰取消木材禁令", Notice.CORRECTED),
        ("【撤稿】诺兰取消木材禁令", Notice.RETRACTED),
        ("Corrected timber figures are out", None),
        ("Norland withdrawn from timber pact", None),
        ("Timber market correction hits Norland", None),
        ("Norland: correction of timber rules due", None),
    ],
)
def test_notices_are_labels_and_nothing_else(label: str, notice: Notice | None) -> None:
    assert Notices(load_lexicons().values()).of(label) is notice


def test_a_retraction_reopens_the_decision() -> None:
    lifted, taken_back = outcome(
        [entry("Norland lifts timber ban"), entry("RETRACTED: Norland lifts timber ban", hours=3)]
    )
    assert isinstance(lifted, Transition)
    assert isinstance(taken_back, Transition)
    assert (taken_back.from_state, taken_back.to_state) == ("lifted", "in_force")
    assert (taken_back.reason, taken_back.entries) == (
        Reason.RETRACTED,
        ("Northern Wire-3-RETRACTED: Norland lifts timber ban", *lifted.entries),
    )


def test_a_correction_that_only_makes_it_possible_reopens_the_decision() -> None:
    made = outcome([entry("Norland lifts timber ban"), entry("CORRECTED-Norland may lift timber ban", hours=2)])
    assert [d.reason for d in made] == [Reason.ALONE, Reason.RETRACTED]


def test_a_correction_leads_to_the_state_it_tells() -> None:
    made = outcome([entry("Norland lifts timber ban"), entry("CORRECTED-Norland suspends timber ban", hours=2)])
    assert isinstance(made[1], Transition)
    assert (made[1].to_state, made[1].reason) == ("eased", Reason.RETRACTED)


def test_a_correction_of_something_else_leaves_it() -> None:
    made = outcome([entry("Norland lifts timber ban"), entry("CORRECTED-Norland lifts timber ban for good", hours=2)])
    assert made[1].reason is Reason.SAME


def test_what_others_say_outlives_a_retraction() -> None:
    made = outcome(
        [
            entry("Norland lifts timber ban"),
            entry("Timber ban is lifted by Norland at last", "Norland Gazette", hours=2),
            entry("RETRACTED: Norland lifts timber ban", hours=3),
        ]
    )
    assert [d.reason for d in made] == [Reason.ALONE, Reason.SAME, Reason.SAME]
    assert made[2].detail == "Northern Wire takes its report back, and it still stands by Norland Gazette"


def test_a_correction_of_another_report_takes_nothing_back() -> None:
    other = "CORRECTED-Timber ban costs Norland 40 jobs, may be lifted, union says"
    made = outcome([entry("Norland lifts timber ban"), entry(other, hours=3)])
    assert isinstance(made[1], Stay)


def test_a_correction_that_comes_long_after_takes_nothing_back() -> None:
    made = outcome([entry("Norland lifts timber ban"), entry("RETRACTED: Norland lifts timber ban", hours=900)])
    assert isinstance(made[1], Stay)


def test_what_an_outlet_based_on_its_report_falls_with_it() -> None:
    made = outcome(
        [
            entry("Norland lifts timber ban"),
            entry("Sawmill shares jump as Norland scraps ban on timber exports", hours=2),
            entry("RETRACTED: Norland lifts timber ban", hours=3),
        ]
    )
    assert [d.reason for d in made] == [Reason.ALONE, Reason.SAME, Reason.RETRACTED]


def test_another_outlet_cannot_take_it_back() -> None:
    made = outcome(
        [entry("Norland lifts timber ban"), entry("RETRACTED: Norland lifts timber ban", "Harbour Times", hours=3)]
    )
    assert isinstance(made[1], Stay)


def test_what_is_taken_back_counts_no_more() -> None:
    made = outcome(
        [
            entry("Norland lifts timber ban", "Daily Post"),
            entry("RETRACTED: Norland lifts timber ban", "Daily Post", hours=2),
            entry("Premier Aske scraps ban on lumber exports", "Harbour Times", hours=3),
        ]
    )
    assert [d.reason for d in made] == [Reason.WAITING, Reason.SOFT, Reason.WAITING]


def test_after_a_retraction_it_can_happen_again() -> None:
    made = outcome(
        [
            entry("Norland lifts timber ban"),
            entry("RETRACTED: Norland lifts timber ban", hours=3),
            entry("Norland lifts timber ban, government confirms", hours=9),
        ]
    )
    assert [d.reason for d in made] == [Reason.ALONE, Reason.RETRACTED, Reason.ALONE]


BILL = Item(
    "dam-bill",
    "The dam bill",
    "legislation",
    "introduced",
    since=START,
    decided_by=("norland",),
    about=About(all=(("dam bill",),)),
)


def test_the_second_chamber_makes_it_both() -> None:
    made = outcome(
        [
            entry("House passes dam bill"),
            entry("House of Representatives approves dam bill in late vote", hours=2),
            entry("Senate passes dam bill", "Daily Post", hours=30),
            entry("Dam bill clears Senate by two votes", "Harbour Times", hours=31),
        ],
        BILL,
    )
    assert [d.reason for d in made] == [Reason.ALONE, Reason.SAME, Reason.WAITING, Reason.CORROBORATED]
    assert [(d.to_state, d.to_value) for d in made if isinstance(d, Transition)] == [
        ("passed_one", "lower house"),
        ("passed_both", None),
    ]


def test_a_chamber_named_as_where_it_goes_next_does_not_act() -> None:
    (made,) = outcome([entry("Markets rise as Senate passes dam bill, sending it to the House")], BILL)
    assert isinstance(made, Transition)
    assert made.to_value == "upper house"


def edited(first: Entry, title: str, *others: Entry) -> list[Transition | Stay]:
    """Judge an entry, others after it, and then the entry with another title."""
    judge = Judge(rules(BAN))
    docket = Docket(judge, opening(judge.rules.items), lambda _item: ())
    made = [docket.take(e) for e in (first, *others)]
    later = replace(first, title=title, revision=1, at=first.at + timedelta(hours=9))
    reread = compare(judge.read(later), made[0].evidence, {BAN.id})
    docket.withdraw(reread.withdrawn)
    return [d for judgement in (*made, docket.take(later, reread.fresh)) for d in judgement.decisions]


def test_an_entry_edited_to_say_less_reopens_the_decision() -> None:
    made = edited(entry("Norland lifts timber ban"), "Norland may lift timber ban")
    assert [d.reason for d in made] == [Reason.ALONE, Reason.RETRACTED]


def test_an_entry_given_another_headline_reopens_nothing() -> None:
    made = edited(entry("Norland lifts timber ban"), "Timber ban: what sawmills make of it")
    assert [d.reason for d in made] == [Reason.ALONE, Reason.NO_STATE]


def test_what_the_outlet_says_elsewhere_outlives_an_edit() -> None:
    again = entry("Premier Aske scraps ban on lumber exports", hours=2)
    made = edited(entry("Norland lifts timber ban"), "Norland may lift timber ban", again)
    assert [d.reason for d in made] == [Reason.ALONE, Reason.SAME, Reason.SAME]
