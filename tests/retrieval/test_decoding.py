"""Encodings of text files, on sentences of many languages as their programs write them."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.decoding import decode, decode_markup, decode_unknown
from retrieval.errors import DocumentError
from retrieval.language import language_of

SENTENCES = {
    "en": "The committee met on Tuesday to discuss the budget for next year. Nobody could agree on how much to spend.",
    "de": "Der Ausschuss traf sich am Dienstag, um den Haushalt für das nächste Jahr zu besprechen. Er war uneinig.",
    "fr": "Le comité s'est réuni mardi pour discuter du budget de l'année prochaine. Personne n'était d'accord.",
    "es": "El comité se reunió el martes para discutir el presupuesto del próximo año. Nadie estaba de acuerdo.",
    "it": "Il comitato si è riunito martedì per discutere il bilancio del prossimo anno. Nessuno era d'accordo.",
    "pt": "O comité reuniu-se na terça-feira para discutir o orçamento do próximo ano. Ninguém concordou com nada.",
    "ca": "El comitè es va reunir dimarts per discutir el pressupost de l'any vinent. Ningú no hi estava d'acord.",
    "nl": "De commissie kwam dinsdag bijeen om de begroting voor volgend jaar te bespreken. Niemand was het eens.",
    "sv": "Kommittén träffades på tisdagen för att diskutera budgeten för nästa år. Ingen kunde komma överens.",
    "da": "Udvalget mødtes tirsdag for at drøfte budgettet for næste år. Ingen kunne blive enige om beløbet.",
    "no": "Komiteen møttes tirsdag for å diskutere budsjettet for neste år. Ingen ble enige om beløbet.",
    "is": "Nefndin kom saman á þriðjudag til að ræða fjárhagsáætlun næsta árs. Enginn var sammála.",
    "fi": "Komitea kokoontui tiistaina keskustelemaan ensi vuoden talousarviosta. Kukaan ei päässyt sopuun.",
    "et": "Komitee kohtus teisipäeval, et arutada järgmise aasta eelarvet. Keegi ei jõudnud kokkuleppele.",
    "lv": "Komiteja otrdien tikās, lai apspriestu nākamā gada budžetu. Neviens nevarēja vienoties.",
    "lt": "Komitetas antradienį susirinko aptarti kitų metų biudžeto. Niekas negalėjo susitarti.",
    "pl": "Komisja zebrała się we wtorek, aby omówić budżet na przyszły rok. Nikt nie mógł się zgodzić.",
    "cs": "Výbor se sešel v úterý, aby projednal rozpočet na příští rok. Nikdo se nemohl shodnout.",
    "sk": "Výbor sa zišiel v utorok, aby prerokoval rozpočet na budúci rok. Nikto sa nevedel zhodnúť.",
    "hu": "A bizottság kedden ülésezett, hogy megvitassa a jövő évi költségvetést. Senki sem értett egyet.",
    "ro": "Comitetul s-a întrunit marţi pentru a discuta bugetul de anul viitor. Nimeni nu a fost de acord.",
    "hr": "Odbor se sastao u utorak kako bi raspravio proračun za sljedeću godinu. Nitko se nije složio.",
    "tr": "Komite salı günü gelecek yılın bütçesini görüşmek üzere toplandı. Kimse anlaşamadı.",
    "ru": "Комитет собрался во вторник, чтобы обсудить бюджет на следующий год. Никто не мог договориться.",
    "uk": "Комітет зібрався у вівторок, щоб обговорити бюджет на наступний рік. Ніхто не міг домовитися.",
    "bg": "Комитетът се събра във вторник, за да обсъди бюджета за следващата година. Никой не беше съгласен.",
    "sr": "Одбор се састао у уторак да расправља о буџету за следећу годину. Нико се није сложио.",
    "el": "Η επιτροπή συνεδρίασε την Τρίτη για να συζητήσει τον προϋπολογισμό του επόμενου έτους.",
    "he": "הוועדה התכנסה ביום שלישי כדי לדון בתקציב לשנה הבאה. איש לא הסכים.",
    "ar": "اجتمعت اللجنة يوم الثلاثاء لمناقشة ميزانية العام المقبل. لم يتفق أحد على المبلغ.",
    "th": "คณะกรรมการประชุมกันเมื่อวันอังคารเพื่อหารือเกี่ยวกับงบประมาณปีหน้า",
    "hi": "समिति की बैठक मंगलवार को अगले वर्ष के बजट पर चर्चा करने के लिए हुई।",
    "vi": "Ủy ban họp vào thứ Ba để thảo luận về ngân sách cho năm tới. Không ai đồng ý.",
    "zh": "委员会星期二开会讨论明年的预算。没有人能够就金额达成一致。",
    "ja": "委員会は火曜日に会合を開き、来年の予算について話し合った。誰も同意できなかった。",
    "ko": "위원회는 화요일에 모여 내년 예산을 논의했다. 아무도 금액에 동의하지 못했다.",
}
TRADITIONAL = "委員會星期二開會討論明年的預算。沒有人能夠就金額達成一致。"
ENCODINGS = {
    "de": "cp1252 iso8859-15",
    "fr": "cp1252 iso8859-1",
    "es": "cp1252",
    "it": "cp1252",
    "pt": "cp1252",
    "ca": "cp1252",
    "sv": "cp1252",
    "da": "cp1252",
    "no": "cp1252",
    "is": "cp1252",
    "fi": "cp1252",
    "et": "cp1252 cp1257",
    "lv": "cp1257 iso8859-13",
    "lt": "cp1257",
    "pl": "cp1250 iso8859-2",
    "cs": "cp1250 iso8859-2",
    "sk": "cp1250",
    "hu": "cp1250 iso8859-2",
    "ro": "cp1250 iso8859-2",
    "hr": "cp1250",
    "tr": "cp1254 iso8859-9",
    "ru": "cp1251 koi8-r iso8859-5 cp866",
    "uk": "cp1251 koi8-u",
    "bg": "cp1251",
    "sr": "cp1251",
    "el": "cp1253 iso8859-7",
    "he": "cp1255 iso8859-8",
    "ar": "cp1256 iso8859-6",
    "th": "cp874",
    "zh": "gb18030 gbk gb2312",
    "ja": "cp932 euc_jp iso2022_jp",
    "ko": "cp949 euc_kr iso2022_kr",
}
UNICODE = "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be".split()
LEGACY = [(language, encoding) for language, names in ENCODINGS.items() for encoding in names.split()]
# Few accents among much ASCII: what Chinese or Cyrillic encodings would decode too.
WESTERN = [
    "Café",
    "naïve",
    "señor",
    "Ångström",
    "Müller, Straße 5",
    "à la carte",
    "10°C to 20°C",
    "2 × 3 = 6",
    "½ cup of flour",
    "©2020 Company® ™",
    "It’s fine — really.",
    "Price: £5 – or “six” pounds…",
    "Garçon, l'addition s'il vous plaît.",
    "café " * 50,
    "Zoë and Chloé read the long report, and nothing else in this English text has any accent. " * 20,
]


@pytest.mark.parametrize(("language", "encoding"), LEGACY)
def test_a_paragraph_in_its_languages_encodings(language, encoding):
    text = SENTENCES[language]
    assert decode(text.encode(encoding), "a.txt") == text
    rows = f"name;note\r\n1;{text}\r\n2;{text}\r\n"
    assert decode(rows.encode(encoding), "a.csv") == rows


def test_big5():
    assert decode(TRADITIONAL.encode("big5"), "a.txt") == TRADITIONAL


@pytest.mark.parametrize("language", SENTENCES)
def test_unicode_with_and_without_a_mark(language):
    text = f"{SENTENCES[language]}\n{SENTENCES[language]}"
    for encoding in UNICODE:
        assert decode(text.encode(encoding), "a.txt") == text


@pytest.mark.parametrize("language", ["zh", "ja", "ko"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_single_ascii_character(language, encoding):
    text = SENTENCES[language].replace(" ", "").replace(".", "。")
    assert decode(text.encode(encoding), "a.txt") == text


@pytest.mark.parametrize("text", WESTERN)
def test_western_text_is_not_taken_for_another(text):
    assert decode(text.encode("cp1252"), "a.txt") == text


def test_accents_far_into_a_long_text():
    text = "Plain words.\n" * 100_000 + "Grüße aus Köln, schöne Straßen und süße Träume.\n"
    assert decode(text.encode("cp1252"), "a.txt") == text
    one_line = "x" * 3_000_000 + " déjà vu " + "x" * 3_000_000
    assert decode(one_line.encode("cp1252"), "a.txt") == one_line


@pytest.mark.parametrize(
    ("language", "encoding"), [("ru", "utf-8"), ("ja", "cp932"), ("zh", "gb18030"), ("ko", "cp949"), ("el", "utf-16")]
)
def test_a_character_that_the_end_cuts_off_costs_only_itself(language, encoding):
    text = SENTENCES[language]
    data = text.encode(encoding)
    assert decode(data[:-1], "a.txt").rstrip("\ufffd") in (text[:-1], text)
    for cut in range(2, 12):
        assert text.startswith(decode(data[:-cut], "a.txt").rstrip("\ufffd"))


def test_random_bytes_are_refused():
    rng = random.Random(7)
    for size in [64, 128, 256, 1024, 4096] * 20:
        with pytest.raises(DocumentError, match="neither a known kind of document nor UTF-8 text"):
            decode(rng.randbytes(size), "a.txt")


@given(st.binary(max_size=300))
def test_bytes_are_decoded_or_refused(data):
    for function in (decode, decode_markup, decode_unknown):
        with suppress(DocumentError):
            assert isinstance(function(data, "a.txt"), str)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ('<META http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="iso-8859-5"?>', "iso8859-5"),
        ('<meta charset="utf-8">', "cp1251"),  # a lie
        ("<title>", "koi8-r"),
        ('<meta charset="no-such-thing">', "utf-8"),
        ('<meta charset="utf-8">', "utf-16"),
        ('<meta charset="rot13">', "utf-8"),
        ('<meta charset="base64">', "utf-8"),
        ('<meta charset="idna">', "utf-8"),
    ],
)
def test_markup_declares_its_encoding(head, encoding):
    text = f"{head}<p>{SENTENCES['ru']}"
    assert decode_markup(text.encode(encoding), "a.html") == text


def test_what_calls_itself_latin_1_is_windows_1252():
    assert decode_markup(b'<meta charset="iso-8859-1"><p>\x93Quoted\x94', "a.html").endswith("“Quoted”")


@pytest.mark.parametrize("language", SENTENCES)
def test_language_of_two_sentences(language):
    # The detectors do not know Icelandic.
    assert language_of(SENTENCES[language]) == (None if language == "is" else language)


@pytest.mark.parametrize(
    "text",
    ["", "hello", "12 345 | 6", "x = 1\nfor i in range(3): print(i)", "SKU-8847 A-12 450\nB-07 289", "1 2 3 " * 99],
)
def test_no_language_where_it_is_not_sure(text):
    assert language_of(text) is None


def test_the_main_language_of_a_long_text_is_not_that_of_its_first_page():
    assert language_of(SENTENCES["en"] * 20 + SENTENCES["de"] * 400) == "de"
