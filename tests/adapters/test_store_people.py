"""What people do, on both databases: silences begin and end, alerts are acknowledged once, notes stay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
from alert_cases import an_alert
from store_cases import DAY, HOUR, MINUTE, a_change, a_fact, approve, filled, moved, told

from watcher.domain.alerts import (
    Act,
    ActKind,
    AlertKind,
    Conditions,
    Failed,
    PlannedAlert,
    PlannedDelivery,
    Sent,
    Silence,
    SystemAlert,
)
from watcher.domain.model import Tier
from watcher.errors import UsageError
from watcher.storage import Store

WHEN = Conditions(
    watchlists=("trade",), items=("deal",), tags=("eu",), states=("approved",), tiers=(Tier.WIRE,),
    kinds=(AlertKind.REVERSAL,),
)  # fmt: skip


def a_silence(now: datetime, when: Conditions = WHEN) -> Silence:
    return Silence(when, "ana", "known, and in hand", now, now + HOUR)


def alert_ids(store: Store, now: datetime, *, sent: bool) -> list[int]:
    """Claim what waits and settle it; return the ids of the alerts."""
    found = []
    for message in store.claim_messages(now, 50, HOUR, "me"):
        store.settle(message.id, "me", Sent() if sent else Failed(False, "gone"), now)
        found += [one.alert_id for one in message.deliveries]
    return sorted(set(found))


def remind(store: Store, of: int, now: datetime, n: int = 1) -> None:
    """Plan a reminder of a stored alert."""
    (first,) = [row for row in store.deliveries() if row.alert_id == of]
    to = (PlannedDelivery("desk", "desk", now),)
    store.record([], [], [], [], [PlannedAlert(first.alert, ("deal", "again", str(n)), to, reminds_of=of)], now)


def test_a_silence_is_in_force_until_it_ends(store: Store, now: datetime) -> None:
    kept = store.silence(a_silence(now), now)
    assert kept == replace(a_silence(now), id=kept.id)
    assert store.silences(now) == [kept]
    assert store.silences(kept.ends_at) == store.silences(now - MINUTE) == []
    assert store.all_silences() == [kept]


def test_the_first_to_end_comes_first_and_of_all_the_latest(store: Store, now: datetime) -> None:
    long = store.silence(replace(a_silence(now), ends_at=now + DAY), now)
    short = store.silence(a_silence(now, Conditions()), now)
    assert store.silences(now) == [short, long]
    assert store.all_silences() == [short, long]
    assert store.all_silences(1) == [short]


def test_a_silence_is_ended_once_and_by_whom_is_kept(store: Store, now: datetime) -> None:
    kept = store.silence(a_silence(now), now)
    ended = store.end_silence(kept.id, "ben", now + MINUTE)
    assert ended == replace(kept, ends_at=now + MINUTE, ended_by="ben")
    assert store.silences(now + MINUTE) == []
    assert store.all_silences() == [ended]
    with pytest.raises(UsageError, match=r"is over since .*, ended by ben"):
        store.end_silence(kept.id, "ana", now + MINUTE)


def test_one_that_has_not_begun_never_will(store: Store, now: datetime) -> None:
    later = store.silence(Silence(WHEN, "ana", "", now + HOUR, now + 2 * HOUR), now)
    store.end_silence(later.id, "ben", now)
    assert store.silences(now + HOUR) == []
    with pytest.raises(UsageError, match="is over"):
        store.end_silence(later.id, "ben", now)


def test_what_is_over_or_unknown_is_not_ended(store: Store, now: datetime) -> None:
    kept = store.silence(a_silence(now), now)
    with pytest.raises(UsageError, match=r"is over since 2025-\d\d-\d\d \d\d:\d\d UTC$"):
        store.end_silence(kept.id, "ana", kept.ends_at)
    with pytest.raises(UsageError, match="no such silence: 99"):
        store.end_silence(99, "ana", now)


def test_a_silence_of_no_time_is_refused(store: Store, now: datetime) -> None:
    for wrong in (replace(a_silence(now), ends_at=now), Silence(WHEN, "ana", "", now - DAY, now - HOUR)):
        with pytest.raises(UsageError, match="must end later"):
            store.silence(wrong, now)
    assert store.all_silences() == []


def test_notes_are_kept_in_order(store: Store, now: datetime) -> None:
    filled(store, now)
    one = store.act(Act(ActKind.NOTE, "deal", "ana", now, "asked the ministry"))
    two = store.act(Act(ActKind.NOTE, "deal", "ben", now, "no answer yet"))
    store.act(Act(ActKind.NOTE, "visit", "ben", now, "of another item"))
    assert store.acts("deal") == [one, two]
    assert one.id < two.id
    with pytest.raises(UsageError, match="no such item: ghost"):
        store.act(Act(ActKind.NOTE, "ghost", "ana", now, ""))


def test_an_item_s_alerts_are_acknowledged_once(store: Store, now: datetime) -> None:
    one, *_ = filled(store, now)
    approve(store, one, now, receivers=("desk", "chief"))
    (alert,) = alert_ids(store, now, sent=True)
    assert store.unacknowledged(now) == {"deal": 1}
    assert store.unacknowledged(now + MINUTE) == {}
    assert store.acknowledge("deal", "ana", "seen", now) == [alert]
    assert store.unacknowledged(now) == {}
    assert store.acknowledge("deal", "ben", "", now) == []
    assert store.acknowledge(alert, "ben", "", now) == []
    (act,) = store.acts("deal")
    assert act == Act(ActKind.ACK, "deal", "ana", now, "seen", alert, act.id)


def test_what_nobody_was_told_is_not_acknowledged_with_its_item(store: Store, now: datetime) -> None:
    one, *_ = filled(store, now)
    approve(store, one, now)
    assert store.acknowledge("deal", "ana", "", now) == []  # it waits
    (alert,) = alert_ids(store, now, sent=False)
    assert store.acknowledge("deal", "ana", "", now) == []  # it was given up
    assert store.unacknowledged(now) == {}
    assert store.acknowledge(alert, "ana", "", now) == [alert]  # by its own id it is


def test_an_early_signal_waits_for_nobody(store: Store, now: datetime) -> None:
    filled(store, now)
    sign = an_alert(kind=AlertKind.EARLY_SIGNAL, item="deal")
    store.record([], [], [], [], [PlannedAlert(sign, ("sign",), (PlannedDelivery("desk", "r", now),))], now)
    (alert,) = alert_ids(store, now, sent=True)
    assert store.unacknowledged(now) == {}
    assert store.alerts(unacknowledged=True) == []
    assert store.acknowledge("deal", "ana", "", now) == []
    assert store.acknowledge(alert, "ana", "", now) == [alert]  # by its own id it is


def test_an_alert_of_another_item_is_left_open(store: Store, now: datetime) -> None:
    one, two, *_ = filled(store, now)
    approve(store, one, now)
    approve(store, two, now, item="visit")
    alert_ids(store, now, sent=True)
    store.acknowledge("deal", "ana", "", now)
    assert store.unacknowledged(now) == {"visit": 1}


def test_a_reminder_stands_for_what_it_reminds_of(store: Store, now: datetime) -> None:
    one, *_ = filled(store, now)
    approve(store, one, now)
    (alert,) = alert_ids(store, now, sent=True)
    remind(store, alert, now)
    (reminder,) = alert_ids(store, now, sent=True)
    assert store.unacknowledged(now) == {"deal": 1}
    assert store.acknowledge(reminder, "ana", "", now) == [alert]
    assert store.acknowledge("deal", "ana", "", now) == store.acknowledge(reminder, "ana", "", now) == []
    assert [act.alert for act in store.acts("deal")] == [alert]


def test_an_escalation_counts_though_the_first_was_given_up(store: Store, now: datetime) -> None:
    one, *_ = filled(store, now)
    approve(store, one, now)
    (alert,) = alert_ids(store, now, sent=False)
    remind(store, alert, now)
    alert_ids(store, now, sent=True)
    assert store.acknowledge("deal", "ana", "", now) == [alert]


def test_alerts_of_no_item_and_unknown_ones_are_refused(store: Store, now: datetime) -> None:
    filled(store, now)
    broken = SystemAlert(AlertKind.SOURCE_BROKEN, "no_answer", "wire", "The wire is broken", now)
    to = (PlannedDelivery("desk", "", now),)
    store.tell([PlannedAlert(broken, ("wire", "1"), to)], now)
    (alert,) = alert_ids(store, now, sent=True)
    with pytest.raises(UsageError, match=f"alert {alert} is about no watch item"):
        store.acknowledge(alert, "ana", "", now)
    with pytest.raises(UsageError, match="no such alert: 99"):
        store.acknowledge(99, "ana", "", now)
    with pytest.raises(UsageError, match="no such item: ghost"):
        store.acknowledge("ghost", "ana", "", now)
    assert store.unacknowledged(now) == {}


def test_of_two_at_once_one_acknowledges(store: Store, now: datetime) -> None:
    one, *_ = filled(store, now)
    fact = a_fact("deal", one, now)
    change = a_change(fact)
    store.record([one], [fact], [change], [moved(store.standings()["deal"], change)], [told(change, 0)], now)
    alert_ids(store, now, sent=True)
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda by: store.acknowledge("deal", by, "", now), "abcd"))
    assert sorted(map(len, given)) == [0, 0, 0, 1]
    assert len(store.acts("deal")) == 1


def test_a_silence_is_stored_once_since_a_moment(store: Store, now: datetime) -> None:
    asked = replace(a_silence(now), starts_at=now + MINUTE, ends_at=now + HOUR)
    kept = store.silence_once(asked, now, now + MINUTE)
    assert kept == replace(asked, id=1)
    assert store.silence_once(asked, now, now + MINUTE) is None
    assert store.silence_since(asked, now) == kept
    assert store.silence_since(asked, now + 2 * MINUTE) is None
    for other in (replace(asked, by="ben"), replace(asked, when=Conditions())):
        assert store.silence_since(other, now) is None
    again = replace(asked, starts_at=now + 3 * MINUTE)
    assert store.silence_once(again, now + 2 * MINUTE, now + 3 * MINUTE) == replace(again, id=2)


def test_of_all_items_the_latest_acts_come_first(store: Store, now: datetime) -> None:
    filled(store, now)
    kept = [store.act(Act(ActKind.NOTE, item, "ana", now, str(n))) for n, item in enumerate(("deal", "visit", "deal"))]
    assert store.latest_acts() == kept[::-1]
    assert store.latest_acts(1) == kept[-1:]


def test_alerts_are_asked_for_by_id_and_by_what_waits_for_an_acknowledgement(store: Store, now: datetime) -> None:
    one, two, *_ = filled(store, now)
    approve(store, one, now)
    approve(store, two, now, item="visit")
    first, second = alert_ids(store, now, sent=True)
    remind(store, first, now)
    alert_ids(store, now, sent=True)
    assert [row.id for row in store.alerts(ids=(second,))] == [second]
    assert [row.id for row in store.alerts(unacknowledged=True)] == [second, first]
    store.acknowledge("deal", "ana", "", now)
    assert [row.id for row in store.alerts(unacknowledged=True)] == [second]
    assert [act.by for act in store.alerts(ids=(first,))[0].acks] == ["ana"]


def test_stored_entries_are_read_again_in_order_while_they_have_their_text(store: Store, now: datetime) -> None:
    one, two, three = filled(store, now)
    assert store.judged(now - DAY) == []  # they wait for the judge
    store.record([one, two], [a_fact("deal", two, now)], [], [replace(store.standings()["deal"], version=1)], [], now)
    assert store.judged(now - DAY) == [one, two]
    assert store.judged(now + MINUTE) == []
    assert [entry.id for entry in store.entries([three, two, one])] == [one, two]
    assert store.prune(now, now + MINUTE) == 1
    assert store.judged(now - DAY) == [two]
    assert [entry.id for entry in store.entries([one, two])] == [two]
