"""Votes outlive the process that stores them: kill -9 at any moment loses none that was acknowledged."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from assistant.records import open_records
from eval.contestants import Contestant
from eval.sessions import add_rater, create_session
from eval.votes import cast, votes_of

VOTER = """
import sys
from pathlib import Path
from assistant.records import open_records
from eval.votes import cast
db = open_records(Path(sys.argv[1]))
for battle in map(int, sys.argv[2:]):
    cast(db, battle, "left", 1.0)
    print(battle, flush=True)
"""
ROUNDS, BATTLES = 12, 3_000


def test_no_acknowledged_vote_is_lost(tmp_path):
    with closing(open_records(tmp_path)) as db:
        session = create_session(db, "s", [str(n) for n in range(BATTLES)], [Contestant("a"), Contestant("b", "m")])
        with db.transaction():
            add_rater(db, "ann", "person")
            db.many(
                "INSERT INTO battles (session_id, rater, number, prompt, left_contestant, right_contestant,"
                " probability, made_at) VALUES (?, 'ann', ?, ?, 0, 1, 1.0, '')",
                [(session.id, n + 1, n) for n in range(BATTLES)],
            )
        waiting = [str(battle) for (battle,) in db.all("SELECT id FROM battles ORDER BY id")]
    told, chance = [], random.Random(4)
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", VOTER, str(tmp_path), *waiting]
        root = str(Path(__file__).parents[2])
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as voter:
            told.append(voter.stdout.readline().strip())  # the first is stored: now it is in the middle of them
            time.sleep(chance.random() * 0.03)
            os.kill(voter.pid, signal.SIGKILL)
            told += voter.stdout.read().split()
        with closing(open_records(tmp_path)) as db:
            stored = [str(vote.battle) for vote in votes_of(db, session.id)]
            assert db.all("PRAGMA integrity_check") == [("ok",)]
        assert set(told) <= set(stored)
        assert len(stored) - len(told) <= ROUNDS  # one a kill may be stored before it was told
        waiting = [battle for battle in waiting if battle not in stored]
    assert waiting, "the votes ran out before the kills"
    with closing(open_records(tmp_path)) as db:
        cast(db, int(waiting[0]), "tie")
