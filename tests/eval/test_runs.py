"""Runs as rows: all or nothing, exactly what was measured, and homes of before that get the tables."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from assistant.chatml import Message
from assistant.engine.sampling import Sampling
from assistant.errors import InputError
from assistant.migrations import MIGRATIONS
from assistant.records import open_records
from eval.contestants import Contestant
from eval.replay import as_text, replay
from eval.runs import Outcome, Run, find_report, keep_run, list_runs, read_run
from eval.sessions import create_session, find_session
from retrieval.migrations import migrate

HALF = "half of a pair: \ud83e"
OUTCOME = Outcome(
    *("texts", 0, "one", {"label": None}),
    checkpoint="ab",
    sampling=Sampling(seed=7, stop=("x",)),
    messages=[Message("user", "What?")],
    reply="?",
    latency_ms=1.25,
)
RUN = Run("label", 3, {"labels": ["a", HALF]}, {"texts": [{"text": HALF, "n": 0.1}]}, [OUTCOME])


def test_a_run_is_read_back_as_it_was(records):
    kept = keep_run(records, RUN)
    assert kept == Run(RUN.kind, 3, RUN.settings, RUN.items, RUN.outcomes, id=1, made_at=RUN.made_at)
    assert kept == read_run(records, 1)
    assert records.all("SELECT checkpoint, reply, latency_ms FROM run_outcomes") == [("ab", "?", 1.25)]
    assert [(each.id, each.kind) for each in list_runs(records, "label")] == [(1, "label")]
    assert list_runs(records, "qa") == []
    with pytest.raises(InputError, match="there is no run 2"):
        read_run(records, 2)


def test_a_run_with_a_row_that_does_not_fit_leaves_nothing(records):
    with pytest.raises(sqlite3.IntegrityError):
        keep_run(records, Run("label", 1, {}, {}, [OUTCOME]))
    assert list_runs(records) == []
    assert records.all("SELECT 1 FROM run_items UNION ALL SELECT 1 FROM run_outcomes") == []


def test_runs_are_listed_and_removed(records, footnote):
    assert footnote("eval", "runs", "list")[1] == "no runs; `footnote eval qa`, `label` and `report` keep theirs\n"
    keep_run(records, RUN)
    keep_run(records, Run("report", 1, {}, {}, name="spring", made_at="2026-01-02"))
    assert footnote("eval", "runs", "list")[1].splitlines()[1] == "   2  report  2026-01-02  spring"
    assert json.loads(footnote("eval", "runs", "list", "--json")[1])["runs"][0]["kind"] == "label"
    code, out, err = footnote("eval", "runs", "remove", 1)
    assert (code, out) == (2, "")
    assert "repeat with --yes" in err
    assert footnote("eval", "runs", "remove", 1, "--yes") == (0, "removed run 1\n", "")
    assert records.all("SELECT 1 FROM run_items UNION ALL SELECT 1 FROM run_outcomes") == []
    assert "there is no run 1" in footnote("eval", "runs", "remove", 1, "--yes")[2]
    assert [each.id for each in list_runs(records)] == [2]


def test_reports_are_found_by_name_or_number(records):
    for name in ("spring", "spring", "4"):
        keep_run(records, Run("report", 1, {}, {}, name=name))
    assert [find_report(records, wanted).id for wanted in ("1", "4")] == [1, 3]
    with pytest.raises(InputError, match="2 reports are called 'spring'; give a number: 1, 2"):
        find_report(records, "spring")
    with pytest.raises(InputError, match="there is no report 'no'; there are: 1 'spring', 2 'spring', 3 '4'"):
        find_report(records, "no")


def test_a_home_of_before_runs_opens_with_all_that_it_had(tmp_path):
    with closing(sqlite3.connect(tmp_path / "footnote.db", isolation_level=None)) as old:
        migrate(old, MIGRATIONS[:1])
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        two = [Contestant("a"), Contestant("b", "m")]
        old.execute("INSERT INTO sessions VALUES (1, 's', 'battle', 4, '{\"uniform\": 0.5}', '2026-01-02T03:04:05')")
        for at, each in enumerate(two):
            old.execute("INSERT INTO contestants VALUES (1, ?, ?, ?)", (at, each.name, json.dumps(each.settings())))
        old.execute("INSERT INTO prompts VALUES (1, 0, 'Who?')")
    with closing(open_records(tmp_path)) as db:
        assert db.all("PRAGMA user_version") == [(len(MIGRATIONS),)]
        assert find_session(db, "s").contestants == tuple(two)
        assert keep_run(db, RUN).id == 1
        create_session(db, "new", ["What?"], two)
        assert db.all("PRAGMA foreign_key_check") == []
        assert json.loads(as_text(replay(db, ["s"])))["sessions"]["s"]["prompts"] == 1


KEEPER = """
import sys
from pathlib import Path
from assistant.records import open_records
from eval.runs import Outcome, Run, keep_run
db = open_records(Path(sys.argv[1]))
items = {"texts": [{"text": "x" * 200}] * 400}
while True:
    rows = [Outcome("texts", n, "one", {}) for n in range(400)]
    print(keep_run(db, Run("label", 1, {}, items, rows)).id, flush=True)
"""


def test_a_kill_leaves_no_half_run(tmp_path):
    told, chance = [], random.Random(5)
    root = str(Path(__file__).parents[2])
    for _ in range(6):
        command = [sys.executable, "-c", KEEPER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as keeper:
            told.append(keeper.stdout.readline().strip())
            time.sleep(chance.random() * 0.05)
            os.kill(keeper.pid, signal.SIGKILL)
            told += keeper.stdout.read().split()
    with closing(open_records(tmp_path)) as db:
        runs = list_runs(db)
        assert {int(each) for each in told} <= {each.id for each in runs}
        whole = [(400,)] * len(runs)
        assert db.all("SELECT count(*) FROM run_items GROUP BY run_id") == whole
        assert db.all("SELECT count(*) FROM run_outcomes GROUP BY run_id") == whole
