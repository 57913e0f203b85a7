"""All vectors with another model, and both indexes anew.

The new vectors are kept aside, batch by batch, until there is one for every passage; one transaction then puts them in
the place of the old. So a reindex that is killed loses nothing, goes on where it was when it is called again, and the
library can be searched with the old model meanwhile. Passages whose vector is the model's already keep it.
"""

from retrieval.context import embedding_text
from retrieval.known import Known, digest
from retrieval.passages import StoredPassage, to_blob
from retrieval.progress import Tell, Teller
from retrieval.store import Store
from retrieval.types import Document

_LACKING = "SELECT DISTINCT document_id FROM passages WHERE id NOT IN (SELECT passage_id FROM vectors_to_come)"


def renew_vectors(store: Store, known: Known, progress: Tell | None = None) -> None:
    """Gives every passage of the library the vector of the model of `known`. Threads and processes may write beside."""
    documents = store.documents()
    while documents:
        for number, document in enumerate(documents, start=1):
            teller = Teller(progress, document.name, number, len(documents))
            _prepare(store, known, document, teller)
            teller("done", 1.0)
        documents = _exchange(store, str(known.model))


def _prepare(store: Store, known: Known, document: Document, teller: Teller) -> None:
    """Writes what is to come for the passages of one document."""
    query = "SELECT p.id, p.digest, n.digest FROM passages p LEFT JOIN vectors_to_come n ON n.passage_id = p.id"
    digests = {id_: held for id_, *held in store.database.all(f"{query} WHERE p.document_id = ?", document.id)}
    kept, missing = [], []
    for passage in store.passages_of(document):
        now, to_come = digests.get(passage.id, (None, None))
        new = digest(known.model.key, embedding_text(passage.heading, passage.text))
        if new == now:
            kept.append((passage.id, new, None))
        elif new != to_come:
            missing.append(passage)
    made = _made(known, document, missing, teller)
    with store.transaction():
        store.database.many("INSERT OR REPLACE INTO vectors_to_come VALUES (?, ?, ?)", [*kept, *made])
        known.forget_work(document.id)


def _made(
    known: Known, document: Document, passages: list[StoredPassage], teller: Teller
) -> list[tuple[int, bytes, bytes]]:
    if not passages:
        return []
    texts = [embedding_text(passage.heading, passage.text) for passage in passages]
    vectors, digests = known.vectors(texts, document.id, teller.embedding)
    return [(passage.id, key, to_blob(vector)) for passage, key, vector in zip(passages, digests, vectors, strict=True)]


def _exchange(store: Store, model: str) -> list[Document]:
    """Puts the new vectors in the place of the old, unless documents came in that have none: then these."""
    with store.transaction():
        lacking = {row[0] for row in store.database.all(_LACKING)}
        if lacking:
            return [document for document in store.documents() if document.id in lacking]
        store.database.all(
            "UPDATE passages SET vector = n.vector, digest = n.digest FROM vectors_to_come n"
            " WHERE n.passage_id = passages.id AND n.vector IS NOT NULL"
        )
        store.database.all("DELETE FROM vectors_to_come")
        store.set_fact("model", model)
        store.set_fact("vectors", store.new_generation())
    return []
