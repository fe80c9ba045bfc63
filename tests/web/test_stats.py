"""The statistics page: charts' data, their tables, files, the newest figures by themselves; and the same in the API."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from imadmin.monitor import acts, rollup
from imadmin.monitor.sample_models import WHOLE, ChannelHour, Minute, Walk
from tests.api.tokens import api_client
from tests.web.asking import htmx

pytestmark = pytest.mark.django_db
PAGE = "/c/demo/stats/"
FORMULA = "=cmd|' /C calc'!A0"
HOSTILE = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def sampled(cluster):
    """The last ten minutes of two nodes; the second was silent in the newest, one minute was not sampled."""
    now = int(datetime.now(UTC).timestamp()) // 60
    for ago in range(10, -1, -1):
        if ago == 4:
            continue
        is_silent = ago == 0
        one = {"connections": 10, "sends": 2, "answered": 1, "nodes": 1}
        other = {"answered": 0, "nodes": 1} if is_silent else {"connections": 5, "sends": 1, "answered": 1, "nodes": 1}
        whole = {
            "connections": 10 if is_silent else 15, "sends": 2 if is_silent else 3, "users": None if is_silent else 9,
            "answered": 1 if is_silent else 2, "nodes": 2, "verdict": 2 if is_silent else 0,
        }  # fmt: skip
        for node, figures in ((WHOLE, whole), (1001, one), (1002, other)):
            Minute.objects.create(cluster=cluster, minute=now - ago, node=node, **figures)
    rollup.roll(cluster)
    hour = int(datetime.now(UTC).timestamp()) // 3600
    for name, messages in ((FORMULA, 70), (HOSTILE, 50)):
        ChannelHour.objects.create(cluster=cluster, hour=hour, channel_type=2, channel_id=name, messages=messages)
    return cluster


@pytest.fixture
def viewer(cluster, client_of):
    return client_of(cluster, "viewer")


def words(reply):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.content.decode()))


def test_before_the_first_sample_the_page_says_when_it_comes(viewer):
    reply = viewer.get(PAGE)
    assert reply.status_code == 200
    assert "No samples yet" in words(reply) and "within a minute" in words(reply)
    assert "data-charts" not in reply.content.decode()


def test_the_page_tells_the_newest_figures_and_who_is_missing(sampled, viewer):
    text = words(viewer.get(PAGE + "?range=1h"))
    assert "1002 unknown" in text
    assert "1 minute was not sampled" not in text  # the gap is named by its time instead
    assert re.search(r"Gaps \d+ \w+ \d\d:\d\d to", text)
    assert "degraded" in text and "No answer" in text


def test_only_the_newest_figures_follow_by_themselves(sampled, viewer):
    page = viewer.get(PAGE).content.decode()
    assert re.search(r'id="stats-now"[^>]*data-live="stats"', page)
    reply = viewer.get(PAGE, headers=htmx(HX_Target="stats-now"))
    assert reply.content.decode().strip().startswith('<dl class="facts" id="stats-now"')
    assert "<html" not in reply.content.decode()


def test_the_data_has_gaps_as_null_and_the_nodes_add_up(sampled, viewer):
    data = viewer.get(PAGE + "data/?range=1h").json()
    lines = {line["name"]: line["values"] for line in data["charts"]["connections"]["lines"]}
    assert set(lines) == {"1001", "1002, no answer"}
    times = data["edges"][:-1]
    assert all(len(values) == len(times) for values in lines.values())
    now = int(datetime.now(UTC).timestamp()) // 60 * 60
    at = {ago: times.index(now - ago * 60) for ago in (0, 1, 4) if now - ago * 60 in times}
    if 4 in at:
        assert {values[at[4]] for values in lines.values()} == {None}
    gap = [span for span in data["gaps"] if span[1] - span[0] == 60]
    assert gap, data["gaps"]
    assert [verdict for _, _, verdict in data["bands"]] == [2]
    assert data["charts"]["users"]["lines"][0]["values"].count(9.0) == 9


def test_charts_have_a_table_that_works_without_javascript(sampled, viewer):
    page = viewer.get(PAGE + "?range=1h").content.decode()
    address = re.search(r'href="(/c/demo/stats/table/connections/[^"]*)"', page)[1]
    whole = viewer.get(address.replace("&amp;", "&"))
    assert whole.status_code == 200 and "<html" in whole.content.decode()
    text = words(whole)
    assert "no data" in text and "1002, no answer" in text
    part = viewer.get(address.replace("&amp;", "&"), headers=htmx())
    assert "<html" not in part.content.decode() and "<table" in part.content.decode()
    assert "/c/demo/events/?since=" in part.content.decode()


@pytest.mark.parametrize("name", ["connections", "users", "sends", "packets", "acts"])
@pytest.mark.parametrize("span", ["1h", "24h", "7d", "30d", "1y"])
def test_every_chart_of_every_range_has_its_table(sampled, viewer, name, span):
    assert viewer.get(f"{PAGE}table/{name}/?range={span}", headers=htmx()).status_code == 200


def test_there_is_no_table_of_a_chart_that_is_not_there(sampled, viewer):
    assert viewer.get(f"{PAGE}table/nonsense/").status_code == 404


def test_an_own_time_is_the_readers(sampled, viewer):
    viewer.cookies["imadmin_zone"] = "Asia/Shanghai"
    reply = viewer.get(PAGE + "?from=2026-01-01T00:00&to=2026-01-03T00:00")
    assert reply.status_code == 200
    assert "1 Jan 00:00 to 3 Jan 00:00, UTC+8" in words(reply)
    assert "There are no samples in this time; sampling began" in words(reply)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-01-03T00:00&to=2026-01-01T00:00", "before the beginning"),
        ("from=2001-01-01T00:00&to=2026-01-01T00:00", "at most five years"),
        ("from=2190-01-01T00:00&to=2191-01-01T00:00", "still to come"),
        ("from=yesterday", "Write a time like"),
    ],
)
def test_a_time_that_can_not_be_is_said_beside_the_field_and_kept(sampled, viewer, query, said):
    reply = viewer.get(f"{PAGE}?{query}")
    assert reply.status_code == 422
    assert said in words(reply)
    assert f'value="{re.search(r"from=([^&]*)", query)[1]}"' in reply.content.decode()
    assert viewer.get(f"{PAGE}data/?{query}").status_code == 422
    assert viewer.get(f"{PAGE}csv/?{query}").status_code == 422


def test_ids_of_channels_are_text(sampled, viewer):
    page = viewer.get(PAGE).content.decode()
    assert "<img" not in page
    assert "&quot;&gt;&lt;img src=x" in page or "&#34;&gt;&lt;img" in page


def rows_of(reply):
    return list(csv.DictReader(io.StringIO(b"".join(reply.streaming_content).decode())))


def test_the_file_has_every_node_and_step_in_both_times(sampled, viewer):
    reply = viewer.get(PAGE + "csv/?range=1h")
    assert reply["Content-Type"].startswith("text/csv")
    assert "attachment" in reply["Content-Disposition"]
    rows = rows_of(reply)
    assert {row["node"] for row in rows} == {"all", "1001", "1002"}
    for row in rows:
        assert datetime.fromisoformat(row["from_utc"]) == datetime.fromisoformat(row["from_local"])
    by_time = {}
    for row in rows:
        by_time.setdefault(row["from_utc"], {})[row["node"]] = row
    complete = [step for step in by_time.values() if all(row["connections_average"] for row in step.values())]
    assert len(complete) == 9
    for step in complete:
        parts = sum(float(step[node]["connections_average"]) for node in ("1001", "1002"))
        assert float(step["all"]["connections_average"]) == parts
    unsampled = [step["all"] for step in by_time.values() if step["all"]["sampled_minutes"] == "0"]
    assert all(row["connections_average"] == "" for row in unsampled)


def test_no_cell_of_a_file_is_a_formula(sampled, viewer):
    rows = rows_of(viewer.get(PAGE + "csv/?of=channels"))
    assert [row["channel_id"] for row in rows] == [f"'{FORMULA}", HOSTILE]
    assert [row["messages"] for row in rows] == ["70", "50"]


def test_how_much_of_the_channels_was_read_is_said(sampled, viewer):
    assert "has not begun yet" in words(viewer.get(PAGE))
    Walk.objects.create(
        cluster=sampled,
        rounds=1,
        last_read=1234,
        last_ended_at=datetime.now(UTC),
        read=40,
        todo=[1],
        last_failed=["1003"],
    )
    text = words(viewer.get(PAGE))
    assert "All 1234 channels are read round by round" in text.replace("\u202f", "")
    assert "40 were read" in text and "node 1003" in text


def test_kicks_and_denials_stand_on_the_page(sampled, viewer):
    acts.ActsHour.objects.filter(cluster=sampled, act="kick").update(count=7)
    assert re.search(r"Kicked 7\b", words(viewer.get(PAGE)))


def test_a_stopped_sampling_is_no_fresh_figure(sampled, viewer):
    newest = Minute.objects.order_by("-minute").first().minute
    Minute.objects.filter(minute__gt=newest - 6).delete()
    text = words(viewer.get(PAGE))
    assert "sampling stopped" in text
    assert "Answers" not in text  # what a node does now isn't known


def test_a_stranger_gets_nothing(sampled, client_of):
    stranger = client_of(sampled, "stranger")
    for name, args in (("stats", []), ("stats-data", []), ("stats-csv", []), ("stats-table", ["users"])):
        assert stranger.get(reverse(name, args=["demo", *args])).status_code == 404


# -- the API ----------------------------------------------------------------------------------------------------------

API = "/api/v1/clusters/demo/stats"


def test_the_api_tells_the_same(sampled):
    client = api_client("viewer", sampled)
    start = (datetime.now(UTC) - timedelta(hours=1)).isoformat().replace("+", "%2B")
    told = client.get(f"{API}?metric=connections&node=each&grain=minute&from={start}").json()
    assert [line["node"] for line in told["lines"]] == [None, "1001", "1002"]
    whole, one, other = told["lines"]
    assert (whole["max"], one["max"], other["average"]) == (15, 10, 5)
    for at, point in enumerate(whole["points"]):
        parts = [line["points"][at]["average"] for line in (one, other)]
        if None not in parts:
            assert point["average"] == sum(parts)
    assert {point["average"] for point in whole["points"] if not point["samples"]} == {None}
    assert told["not_healthy"][0]["verdict"] == "degraded"
    assert told["answered"] == pytest.approx(19 / 20, abs=1e-6)


def test_the_api_answers_for_one_node_and_by_day(sampled):
    told = api_client("viewer", sampled).get(f"{API}?node=1001&grain=day&zone=Asia/Shanghai").json()
    assert (told["grain"], told["zone"], told["step_seconds"]) == ("day", "Asia/Shanghai", None)
    assert [line["node"] for line in told["lines"]] == ["1001"]
    assert told["lines"][0]["max"] == 10


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-01-01T00:00:00", "from"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
        ("zone=Nowhere/Land", "zone"),
        ("zone=../../etc/passwd", "zone"),
        ("grain=minute&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", "grain"),
        ("metric=nonsense", "metric"),
        ("node=drop", "node"),
    ],
)
def test_the_api_names_what_it_can_not_use(sampled, query, field):
    reply = api_client("viewer", sampled).get(f"{API}?{query}")
    assert reply.status_code == 422
    assert reply["Content-Type"].startswith("application/problem+json")
    assert field in reply.json()["fields"]


def test_the_api_lists_busy_channels(sampled):
    told = api_client("viewer", sampled).get(f"{API}/channels?limit=1").json()
    assert [(row["id"], row["messages"]) for row in told["items"]] == [(FORMULA, 70)]
    assert told["known"] is None
