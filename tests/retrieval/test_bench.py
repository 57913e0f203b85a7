"""The benchmarks run and count what they say; how fast it is, nobody asserts."""

import json
import resource
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from app.bench import bench_commands
from retrieval import bench
from retrieval.chunk import passages
from retrieval.madeup import MadeUp


@pytest.fixture(scope="module")
def made():
    return MadeUp()


def test_made_up_documents_are_the_same_again_and_unlike_each_other(made):
    one, again, other = made.document(3, 2000), MadeUp().document(3, 2000), made.document(4, 2000)
    assert one == again != other
    assert len(one.split()) == 2000
    vectors = made.encode([part for text in (one, other) for part in (text[:4000], text[4000:8000])])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alike = vectors @ vectors.T
    assert min(alike[0, 1], alike[2, 3]) > max(alike[0, 2], alike[1, 3])  # a document has a topic


def test_a_question_is_of_its_passages_words(made):
    text = made.document(1, 400)
    passage = text[passages(text)[0].start : passages(text)[0].end]
    words = made.question(passage, np.random.default_rng(1)).split()
    assert len(words) == 13
    assert set(words) <= set(passage.lower().replace(".", "").split())


def run(*arguments):
    done = CliRunner().invoke(bench_commands(), [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["results"]


def test_search_is_measured():
    (found,) = run("retrieval", "--passages", 200, "--queries", 10)
    assert found["case"].endswith(" passages")
    assert found["recall_at_10"] == 1.0  # so few are compared one by one
    assert 0 < found["p50_ms"] <= found["p95_ms"]


def test_ingest_is_measured_beside_the_default_loop(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(f"The heron number {number} eats frogs.")
    whole, *sides = run("ingest", tmp_path, "--rounds", 1)
    assert (whole["name"], whole["case"]) == ("ingest", "3 documents of 3 files")
    assert [(side["name"], side["case"]) for side in sides] == [
        ("embedding", "3 passages, median of 1"),
        ("default loop", "3 passages, median of 1"),
    ]
    assert min(side["passages_per_s"] for side in sides) > 0
    assert whole["pages_per_s"] > 0
    assert whole["peak_memory_mb"] > 0
    assert sides[0]["pages_per_s"] is sides[0]["peak_memory_mb"] is None


def test_the_peak_of_memory_is_that_of_the_reading_process_too():
    own = bench._peak_mb()
    subprocess.run([sys.executable, "-c", "x = bytearray(300_000_000)"], check=True)
    assert bench._peak_mb() >= own
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6 > 300
    assert bench._peak_mb() > 300
