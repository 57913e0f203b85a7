"""The learning rate over a run, by steps and by minutes."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.batches import Batches
from finetune.config import Training
from finetune.schedule import Course
from finetune.shards import TRAIN, Stream, Writer

ALL = st.sampled_from(("cosine", "linear", "constant", "wsd"))


def test_it_warms_up_holds_and_goes_down():
    course = Course(Training(schedule="wsd", warmup=0.1, decay=0.5), 20)
    shares = [course.share(step, 0.0) for step in range(20)]
    assert shares[:3] == [0.5, 1.0, 1.0]
    assert shares[3:11] == [1.0] * 8
    assert shares[10:] == pytest.approx([1 - n / 10 for n in range(10)])


@pytest.mark.parametrize(
    ("schedule", "middle", "end"), [("cosine", 0.525, 0.05), ("linear", 0.5, 0.0), ("constant", 1.0, 1.0)]
)
def test_the_other_schedules_are_those_of_every_recipe(schedule, middle, end):
    course = Course(Training(schedule=schedule, warmup=0.0), 1000)
    assert course.share(0, 0.0) == 1.0
    assert course.share(500, 0.0) == pytest.approx(middle)
    assert course.share(1000, 0.0) == pytest.approx(end)


def test_minutes_begin_the_decay_in_time():
    course = Course(Training(schedule="wsd", minutes=10, decay=0.4, warmup=0.001), 10_000)
    assert course.share(0, 0.0) == 0.1  # of its ten steps
    assert course.share(1, 60.0, first=60.0) == pytest.approx(0.2)
    assert course.share(1, 60.3, first=60.0) == pytest.approx(0.5)  # of its 0.6 seconds
    assert course.share(500, 6 * 60) == 1.0
    assert course.share(500, 8 * 60) == pytest.approx(0.5)
    assert course.share(500, 10 * 60) == 0.0
    assert course.steps_in_all(500, 5 * 60) == 1000
    assert not course.has_ended(500, 598.0)
    assert course.has_ended(500, 599.0)
    assert course.has_ended(10_000, 1.0)


@given(schedule=ALL, minutes=st.sampled_from((0, 1)), steps=st.integers(1, 200), seconds=st.floats(0, 100))
def test_a_rate_is_never_above_the_peak_nor_rises_after_the_warm_up(schedule, minutes, steps, seconds):
    course = Course(Training(schedule=schedule, minutes=minutes, warmup=0.1), steps)
    shares = [course.share(step, seconds * step / steps) for step in range(steps)]
    assert all(0 <= share <= 1 for share in shares)
    after = shares[math.ceil(steps * 0.1) :]
    assert all(one >= other for one, other in itertools.pairwise(after))
    assert all(1 <= course.steps_in_all(step, seconds) <= steps for step in range(1, steps))


def _stream(folder, length):
    writer = Writer(folder, TRAIN)
    writer.add(np.arange(length, dtype=np.uint16))
    return Stream(folder, TRAIN, writer.side().sizes)


@given(windows=st.integers(1, 30), rest=st.integers(0, 7), per_step=st.integers(1, 9), seed=st.integers(0, 3))
def test_an_epoch_learns_every_window_once_each_time_cut_elsewhere(tmp_path_factory, windows, rest, per_step, seed):
    length = windows * 8 + rest
    batches = Batches(_stream(tmp_path_factory.mktemp("batches"), length), 8, per_step, seed)
    assert batches.windows == windows
    steps = math.ceil(2 * windows / per_step)
    rows = [row for step in range(steps) for row in batches.of_step(step)]
    assert all((row == (row[0] + range(9)) % length).all() for row in rows)
    starts = [sorted(int(row[0]) for row in rows[n * windows : (n + 1) * windows]) for n in range(2)]
    for found in starts:
        gaps = [(later - earlier) % length for earlier, later in itertools.pairwise([*found, found[0]])]
        assert windows == 1 or sorted(gaps) == sorted([8] * (windows - 1) + [8 + rest])
    assert rows[0].dtype == "int64"


def test_a_step_is_told_by_its_number_alone(tmp_path):
    stream = _stream(tmp_path, 1000)
    one, other = (Batches(stream, 8, 12, seed=1) for _ in range(2))
    first = [one.of_step(step) for step in range(30)]
    assert (other.of_step(29) == first[29]).all()
    assert (other.of_step(3) == first[3]).all()
    assert (other.of_step(3, slice(4, 8)) == first[3][4:8]).all()
    assert not (Batches(stream, 8, 12, seed=2).of_step(3) == first[3]).all()
