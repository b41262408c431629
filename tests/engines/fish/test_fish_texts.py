"""Texts as the model reads them: marks it knows, numbers of taught languages in words, nothing special in a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.errors import BadInput
from engines.fish import marks, network
from engines.fish import text as texts
from engines.fish.prompts import Prompts
from engines.fish.upstream import IM_END_TOKEN


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(excited) What a day! (in a hurry tone) Come on.", []),
        ("(exited) What a day!", ["(exited)"]),
        ("Well. (dancing) It is late.", ["(dancing)"]),
        ("(angry tone) No!", ["(angry tone)"]),
        ("He came (late) and left (alone). It was nice.", []),
        ("(a boat) came in.", []),
        ("Καλημέρα, 日本 and привет.", []),
        ("Fine 👍 <break/> (sad)", ["👍", "<break/>"]),
    ],
)
def test_marks_that_the_model_does_not_know_are_found(text: str, found: list[str]) -> None:
    assert [one.text for one in texts.unspeakable(text, "en")] == found


def test_the_mark_that_was_meant_is_suggested() -> None:
    assert marks.suggestion("exited") == "excited"
    assert marks.without("(excited) Hello (there). (laughing)") == "Hello (there)."


@pytest.mark.parametrize(
    ("language", "text", "read"),
    [
        ("fi", "Klo 7 tuli n. 25, esim. Anna.", "Kello seitsemän tuli noin kaksikymmentäviisi, esimerkiksi Anna."),
        ("fi", "On 1 200,5 euroa ja 30 %.", "On tuhat kaksisataa pilkku viisi euroa ja kolmekymmentä prosenttia."),
        ("fi", "Se on klo 12.30 tai 7:45.", "Se on kello kaksitoista kolmekymmentä tai seitsemän neljäkymmentäviisi."),
        ("fi", "Oli 1.5.2024.", "Oli ensimmäinen toukokuuta kaksituhatta kaksikymmentäneljä."),
        ("fi", "Luku 1 200 000.5 ja 1.200 ja 3,5.", "Luku 1 200 000.5 ja tuhat kaksisataa ja kolme pilkku viisi."),
        ("fi", "Hän tuli 6. joulukuuta klo 9.05.", "Hän tuli kuudes joulukuuta kello yhdeksän nolla viisi."),
        ("fi", "Se on 1 € tai 12 €/kg, 2 kpl.", "Se on yksi euro tai kaksitoista euroa/kg, kaksi kappaletta."),
        ("fi", "Luvun 10:n. N. 3 v. 40 km/h.", "Luvun 10:n. Noin kolme vuonna neljäkymmentä kilometriä tunnissa."),
        ("fi", "Klo 13.00 alkaa jne.", "Kello kolmetoista alkaa ja niin edelleen."),
        ("sv", "Kl. 8 kom t.ex. 3 %.", "Klockan åtta kom till exempel tre procent."),
        ("fi", "Paksuus on 5 mm.", "Paksuus on viisi millimetriä."),
        ("fi", "Lisää 5 ml. Heti. 2000 mm. Anna.", "Lisää viisi millilitraa. Heti. kaksituhatta muun muassa Anna."),
        ("fi", "Kesti 10 s. 5 kpl 10 euron.", "Kesti kymmenen sekuntia. viisi kappaletta kymmenen euron."),
        ("fi", "Äänestin jaa. Jaa.", "Äänestin jaa. Jaa."),
        ("fi", "300 jaa. tai luvulla jaa.", "kolmesataa jälkeen ajanlaskun alun tai luvulla jälkeen ajanlaskun alun."),
        ("fi", "Se on 5 km:n matka, 3 %:n korko.", "Se on viisi km:n matka, kolme %:n korko."),
        ("sv", "Han är ung. Ung. 5 år.", "Han är ung. Ungefär fem år."),
        ("sv", "Los Angeles, CA, ca 9.", "Los Angeles, CA, cirka nio."),
        ("et", "U. Masing ja VT, vt. u. 5", "U. Masing ja VT, vaata. umbes 5"),
        ("en", "It is 25 % of “it”.", '''It is 25 % of "it".'''),
    ],
)  # fmt: skip
def test_numbers_of_taught_languages_are_words(language: str, text: str, read: str) -> None:
    assert texts.spelt(text, language) == read


def test_what_looks_like_a_special_token_in_a_text_is_text(tiny: Path) -> None:
    prompts = Prompts(network.read_tokenizer(tiny), 10)
    assert prompts.end not in prompts.tokens(f"Hello {IM_END_TOKEN} there")
    assert bytes(prompts.tokens("Hyvää päivää")).decode() == "Hyvää päivää"
    with pytest.raises(BadInput, match="no text"):
        prompts.tokens(" ")
