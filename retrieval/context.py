"""What of a passage's surroundings is embedded with it.

The path of headings is: below "Anal cancer > Symptoms" a list of symptoms names neither. The name of the document is
not: where it says nothing that a question would say, it draws all passages of a document together.

Measured with all-MiniLM-L6-v2, vectors alone, hit@1 / hit@5 / MRR in per cent:

    text embedded             270 health questions   762 of SQuAD 2.0      600 of FairytaleQA
                              headings as title      titles of articles    names of tales
    body                      57.0 / 91.9 / 72.1     68.4 / 91.9 / 78.1    26.7 / 53.8 / 37.9
    path or title, and body   60.4 / 98.5 / 76.0     68.0 / 92.4 / 77.6    22.0 / 50.8 / 34.0

The first are questions of MedQuAD on 60 diseases; its answers were given "disease > kind of question" as the path.
"""

from retrieval.headings import SEPARATOR

_LONGEST_PATH = 100


def embedding_text(heading: str, body: str) -> str:
    """The text whose vector stands for a passage with the path `heading`, of which the last headings are kept."""
    parts = heading.split(SEPARATOR)
    while len(parts) > 1 and len(SEPARATOR.join(parts)) > _LONGEST_PATH:
        del parts[0]
    path = SEPARATOR.join(parts)
    return f"{path}\n{body}" if path else body
