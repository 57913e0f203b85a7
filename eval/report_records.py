"""The sections of the report's page that show the records of a home: battles and forms."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from eval.report_markup import ends, notes, plot, table
from eval.tables import between, number


def battles_section(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What `eval.session_report` says of a session: ratings by people, and by models."""
    yield f"<h2>Battles: {escape(name)}</h2>"
    for kind in ("people", "models"):
        rated = values[kind]
        if rated is None:
            continue
        yield f"<h3>Votes of {kind}</h3>"
        rows = [
            (model, str(row["rank"]), f"{row['rating']:.0f}", ends(row["widest_ci"]), row["tier"], str(row["battles"]))
            for model, row in rated["bradley_terry"].items()
        ]
        yield table(
            f"Ratings from {rated['votes']:,} votes", ("contestant", "rank", "rating", "95 %", "tier", "battles"), rows
        )
        points = [(model, row["rating"], *row["widest_ci"]) for model, row in rated["bradley_terry"].items()]
        yield plot("Ratings", points, unit="points", reference=1500)
        yield from notes(rated["notes"])
    yield from notes(values["notes"])


def form_section(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What `eval.form_report` says of a form: scores of people, and of models."""
    yield f"<h2>Form: {escape(name)}</h2>"
    for kind in ("people", "models"):
        found = values[kind]
        if found is None:
            continue
        yield f"<h3>Scores of {kind}</h3>"
        scores = [
            (aspect, system, row, each["alpha"])
            for aspect, each in found["aspects"].items()
            for system, row in each["systems"].items()
        ]
        rows = [
            (aspect, system, number(row["mean"]), between(row["ci"]), str(row["scores"]), number(alpha["alpha"]))
            for aspect, system, row, alpha in scores
        ]
        columns = ("aspect", "system", "mean", "95 %", "scores", "alpha of the aspect")
        yield table(f"{found['scores']:,} scores by {found['raters']:,} raters, from −2 to 2", columns, rows)
        points = [
            (f"{aspect}: {system}", row["mean"], *(row["ci"] or (None,) * 2)) for aspect, system, row, _ in scores
        ]
        yield plot("Means", points, unit="score")
        yield from notes(found["notes"])
    if values["people"] is None and values["models"] is None:
        yield from notes(["nobody has scored a text yet"])
