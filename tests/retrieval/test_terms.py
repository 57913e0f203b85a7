import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.terms import LANGUAGES, PLAIN, index_terms, language_of, query_terms


def asked(text, *languages, most=100):
    return {term for terms in query_terms(text, languages, most).values() for term in terms}


def held(text, language):
    return set(index_terms(text, language).split(" "))


@pytest.mark.parametrize(
    ("language", "text", "query"),
    [
        ("en", "The cats are running home.", "cat runs"),
        ("de", "Die Häuser der Bürger", "Haus Bürgern"),
        ("fr", "Les maisons étaient élevées.", "maison élevée"),
        ("es", "La educación de los niños", "niño educaciones"),
        ("it", "Le ragazze mangiavano", "ragazza mangiare"),
        ("ru", "Кошки бежали домой", "кошка домой"),
        ("sv", "Flickorna och husen", "flicka huset"),
        ("fi", "Talossa on kirjoja", "talo"),
        ("tr", "Evlerde kediler", "ev kedi"),
        ("ar", "الكتاب الكبير", "كتاب كبير"),
        ("el", "Οι γάτες τρέχουν", "γάτα"),
        ("", "佐藤太郎は東京に住む。犬がいる", "東京 犬"),
        ("", "Žluťoučký kůň", "ZLUTOUCKY kun"),
        ("", "ภาษาไทยง่าย", "ไทย"),
        ("", "서울에서 만나요", "서울"),
        ("en", "We met 佐藤 in Tokyo", "佐藤"),
        ("en", "Invoice SKU-4563 for a ﬁne café", "sku4563 sku 4563 FINE cafe"),
        ("es", "educación", "educacion"),
        ("en", "ＡＢＣ１２", "abc12"),
        ("en", "e\u0301te\u0301", "été"),
    ],
)
def test_a_question_finds_the_forms_of_its_words(language, text, query):
    missing = asked(query, language) - held(text, language)
    assert len(missing) <= query.startswith("sku4563"), missing


def test_a_pair_of_characters_is_not_found_in_any_order():
    assert not asked("京東", "") & held("東京に住む", "")
    assert not asked("東京", "") & held("東 と 京", "")


def test_stop_words_go_by_their_language_and_stay_where_they_are_all():
    assert asked("die Katze", "de") == {"de:katz"}
    assert asked("die Katze", "en") == {"en:die", "en:katz"}
    assert query_terms("to be or not to be", ["en", "de"], 9)["en"] == ["en:to", "en:be", "en:or", "en:not"]
    assert held("To be.", "en") == {"en:to", "en:be"}


def test_codes_of_languages():
    assert [language_of(code) for code in ("de", "nb", "nn", None, "zh", "xx")] == [
        "de",
        "no",
        "no",
        "en",
        PLAIN,
        PLAIN,
    ]


def test_words_are_asked_for_once_and_up_to_a_number():
    assert query_terms("cat Cats CAT dog bird", ["en"], 2) == {"en": ["en:cat", "en:dog"]}
    assert query_terms(" ,.- ", ["en"], 9) == {}


@given(st.text(), st.sampled_from(LANGUAGES))
def test_every_text_finds_itself(text, language):
    terms = set(query_terms(text, [language], 10**6).get(language, ()))
    assert terms <= held(text, language)
    assert not any(char.isspace() for term in terms for char in term)
