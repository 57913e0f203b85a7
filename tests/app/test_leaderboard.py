"""The leaderboard, the reports and their downloads, over real records."""

import csv
import io
import json
import re
from contextlib import closing
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from app.leaderboard import Leaderboard
from app.reports import Reports
from app.server import create_app
from app.standings import standings_html
from assistant.engine.sampling import Sampling
from assistant.pipeline import Assistant
from assistant.records import open_records
from eval.contest import Contest
from eval.contestants import Contestant
from eval.session_report import battle_report
from eval.sessions import add_rater, create_session
from eval.votes import cast

NAME = 'a/b & <b>"x"</b> 🐻'
FIRST, SECOND, THIRD = "one, <i>", "two", "three ${1+1} {{value}}"


@pytest.fixture
def session(records):
    """A session in which the first beats the others and the last loses."""
    contestants = [
        Contestant(FIRST),
        Contestant(SECOND, sampling=Sampling(temperature=1)),
        Contestant(THIRD, prompt="p"),
    ]
    made = create_session(records, NAME, [f"Prompt {n}" for n in range(24)], contestants)
    contest = Contest(records, made, None)
    for rater in ("Ada", "Grace"):
        for number in range(24):
            matchup = contest.next(rater)
            better = "left" if matchup.left < matchup.right else "right"
            worse = {"left": "right", "right": "left"}[better]
            cast(records, matchup.id, (better, better, worse, "tie", "bad", "skip")[number % 6], 2.0)
    return made


@pytest.fixture
def client(tmp_path):
    home = tmp_path
    with (
        Assistant.open(home, model="tiny") as assistant,
        closing(open_records(home)) as records,
        TestClient(create_app(assistant, records)) as client,
    ):
        yield client


def test_the_standings_of_a_session(records, session):
    choice, html = Leaderboard(records).look(None)
    assert (choice["value"], choice["choices"]) == (NAME, [NAME])
    assert "48 votes of people · 3 contestants · 24 prompts" in html
    assert html.count('<svg class="fn-plot"') == 2
    assert '<th scope="row"><bdi>one, &lt;i&gt;</bdi>' in html
    assert re.search(r"about [\d,]+ more to usable", html)
    assert "Who beat whom" in html
    assert "Both bad counts as a tie in the ratings." in html
    assert "<i>" not in html
    assert f"<b>{chr(34)}x" not in html


def test_the_matrix_is_the_share_of_the_row(records, session):
    html = standings_html(battle_report(records, NAME))
    report = battle_report(records, NAME)["people"]["win_rates"]
    shown = re.findall(r'<td class="fn-(?:over|under)" style="--by:\d+%">(\d+)% <small>of (\d+)', html)
    wanted = [
        (f"{100 * share:.0f}", str(battles))
        for shares, counts in zip(report["share"], report["battles"], strict=True)
        for share, battles in zip(shares, counts, strict=True)
        if share is not None
    ]
    assert shown == wanted


def test_no_session_and_no_vote_are_said(records):
    assert "There is no session yet" in Leaderboard(records).look(None)[1]
    create_session(records, "new", ["Why?"], [Contestant("a"), Contestant("b", model="other")])
    assert "No vote yet" in Leaderboard(records).look("gone")[1]
    assert "no session called" in Leaderboard(records).show("gone")


def test_a_model_that_lost_all_and_judges_alone(records):
    made = create_session(records, "judged", ["Why?", "How?"], [Contestant("a"), Contestant("b", model="other")])
    with records.transaction():
        add_rater(records, "judge", "model")
        records.all("INSERT INTO battles VALUES (1, ?, 'judge', 1, 0, 0, 1, 1.0, '')", made.id)
    cast(records, 1, "left")
    html = Leaderboard(records).show("judged")
    assert "<details open><summary>By models as judges" in html
    assert "undefeated" in html
    assert "to open" in html


def test_a_side_that_won_every_battle_is_said(records):
    made = create_session(records, "left", [f"{n}?" for n in range(8)], [Contestant("a"), Contestant("b", model="m")])
    contest = Contest(records, made, None)
    for rater in ("Ada", "Grace"):
        for _ in range(8):
            cast(records, contest.next(rater).id, "left")
    html = Leaderboard(records).show("left")
    assert re.search(r"Standing on the left is worth [+-]\d+ points or more, for one side won every battle\.", html)
    assert "The left side won every battle" in html


def test_downloads(client, session, records):
    votes = client.get("/v1/evaluation/votes.csv", params={"session": NAME})
    rows = list(csv.DictReader(io.StringIO(votes.text)))
    assert len(rows) == 40, "all but the skips"
    assert {row["left"] for row in rows} <= {FIRST, SECOND, THIRD}
    assert votes.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''a%2Fb%20%26")
    lines = client.get("/v1/evaluation/session.jsonl", params={"session": NAME}).text.splitlines()
    assert json.loads(lines[0])["table"] == "sessions"
    assert sum(json.loads(line)["table"] == "votes" for line in lines) == 48
    assert client.get("/v1/evaluation/report.json", params={"session": NAME}).json()["session"] == NAME
    refused = client.get("/v1/evaluation/votes.csv", params={"session": "gone"})
    assert refused.status_code == 400
    assert "no session called 'gone'" in refused.json()["error"]["message"]


def test_the_links_of_the_page_lead_to_the_downloads(client, session, records):
    links = re.findall(r'href="(/v1/[^"]+)" download', Leaderboard(records).show(NAME))
    assert [client.get(link).status_code for link in links] == [200, 200, 200]


@pytest.fixture
def reports(tmp_path):
    """Two reports, and what is none."""
    folder = tmp_path / "reports"
    for name in ("first", 'it\'s "50 %" & é'):
        (folder / name).mkdir(parents=True)
        (folder / name / "report.html").write_text("<h1>Done</h1><script>parent.harmed=1</script>")
        (folder / name / "report.json").write_text("{}")
    (folder / "half").mkdir()
    (folder / "half" / "report.html").touch()
    (tmp_path / "secret.json").write_text("secret")
    return Reports(tmp_path)


def test_reports_are_listed_shown_in_a_frame_without_scripts_and_downloaded(reports, client):
    assert sorted(reports.names()) == ["first", 'it\'s "50 %" & é']
    for name in reports.names():
        html = reports.show(name)
        assert 'sandbox=""' in html
        assert "<script>" not in html
        links = re.findall(r'href="([^"]+)"', html)
        assert [client.get(link).status_code for link in links] == [200, 200]
    assert "no report 'gone'" in re.sub("&#x27;", "'", reports.show("gone"))


@pytest.mark.parametrize(
    "path", ["half/report.html", "..%2f..%2fsecret/report.json", "../secret.json", "first/run.json"]
)
def test_no_other_file_is_given(client, reports, path):
    assert client.get(f"/v1/evaluation/report/{path}").status_code in {400, 404}


def test_a_home_without_reports_says_so(tmp_path):
    assert "There is no report yet" in Reports(tmp_path).look(None)[1]


def test_a_tie_of_all_has_a_plot(records):
    made = create_session(records, "ties", ["Why?"], [Contestant("a"), replace(Contestant("b"), model="other")])
    contest = Contest(records, made, None)
    for rater in ("Ada", "Grace"):
        cast(records, contest.next(rater).id, "tie")
    html = Leaderboard(records).show("ties")
    assert "only ties" in html
    assert html.count('<svg class="fn-plot"') == 1


def test_versions_over_all_sessions(records, session):
    from app.leaderboard import ALL

    board = Leaderboard(records)
    assert ALL not in board.look(None)[0]["choices"]
    create_session(records, "second", ["Prompt 0"], [Contestant(FIRST), Contestant(SECOND, model="m")])
    assert board.look(ALL)[0]["value"] == ALL
    assert "No vote yet" in board.show(ALL)  # no answer was written, so there is no version that made one
    records.all(
        "INSERT INTO generations (session_id, contestant, prompt, answer, messages, draft, checkpoint, sampling,"
        " latency_ms, made_at) SELECT c.session_id, c.number, p.number, '{}', '[]', '', 'ab' || c.number, '{}', 1,"
        " '2026-01-02T03:04:05' FROM contestants c JOIN prompts p ON p.session_id = c.session_id"
    )
    html = board.show(ALL)
    assert "one, &lt;i&gt;" in html
    assert "<i>" not in html
    assert html.count("2026-01-02") == 3
    assert "Versions over time" in html
