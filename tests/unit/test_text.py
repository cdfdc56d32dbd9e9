"""Words, sentences and phrases: offsets always point into the text as stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.text import phrase, sentences, stands_at, stem, words


def found(text: str, wanted: str) -> bool:
    text_words = words(text)
    return any(stands_at(phrase(wanted), text_words, at) for at in range(len(text_words)))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Rare-earth curbs bite", "rare earth"),
        ("New duties on steel", "duty"),
        ("The U.S. acts", "US"),
        ("Brussels’s ‘carbon’ levy", "carbon levy"),
        ("中国暂停稀土出口管制", "稀土"),
        ("XI SPEAKS", "Xi"),
        ("export controls", "Export Control"),
        ("taxes on sugar", "tax"),
    ],
)
def test_phrases_are_found_in_every_spelling(text: str, wanted: str) -> None:
    assert found(text, wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("They told us everything", "US"),
        ("xi is a Greek letter", "Xi"),
        ("rare, earth", "rare earth"),
        ("a rare - earth", "rare earth"),
        ("tariffed", "tariff"),
        ("the rarest earth", "rare earth"),
    ],
)
def test_phrases_are_tokens_and_not_substrings(text: str, wanted: str) -> None:
    assert not found(text, wanted)


def test_possessives_are_marks_and_contractions_words() -> None:
    china, tariffs, wont = words("China's tariffs won't")
    assert (china.raw, china.possessive, tariffs.possessive, wont.low) == ("China", True, False, "won't")
    assert not words("it's over")[0].possessive
    assert words("The justices' view")[1].possessive


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It ended. What now?", ["It ended.", "What now?"]),
        ("On Oct. 30 the U.S. and Sen. Roe met.", ["On Oct. 30 the U.S. and Sen. Roe met."]),
        ("Up 3.5 percent. Done.", ["Up 3.5 percent.", "Done."]),
        ("商务部宣布。何时生效？", ["商务部宣布。", "何时生效？"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


@pytest.mark.parametrize(
    ("plural", "singular"),
    [("duties", "duty"), ("taxes", "tax"), ("curbs", "curb"), ("ties", "tie"), ("class", "class"), ("us", "us")],
)
def test_plurals_lose_their_ending(plural: str, singular: str) -> None:
    assert stem(plural) == singular


@given(st.text())
def test_offsets_point_into_the_text(text: str) -> None:
    for word in words(text):
        assert 0 <= word.start < word.end <= len(text)
    for start, end in sentences(text):
        assert text[start:end].strip()
