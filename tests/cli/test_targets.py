"""What the operator is told follows from the scenario: whom, in which order, how patiently, and with which packages."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from simulator.cli.packages import FOREIGN_MODEL, make_packages, package_uris
from simulator.cli.targets import POLL_S_MAX, operator_job
from simulator.faults.registry import FAULTS
from simulator.firmware import build, generate
from simulator.firmware.image import HEADER_SIZE, parse_header
from simulator.fleet.population import Population
from simulator.operator.acts import AT_END, Act
from simulator.operator.course import Course
from simulator.operator.job import ServerChoice
from simulator.scenario import loads

SERVER = ServerChoice("embedded", "127.0.0.1", 0, "", "logs", 1024)
ORIGIN = "coap://127.0.0.1:7"
ORIGINS = {"coap": ORIGIN, "coap+tcp": "coap+tcp://127.0.0.1:8", "http": "http://127.0.0.1:9"}
TEXT = """
[run]
seed = 3
[firmware]
size = "2 KiB"
version = "2.5.0"
[groups.a]
count = 40
[groups.watched]
count = 5
delivery = "none"
[groups.pushed]
count = 5
delivery = "push"
"""


def job_of(tmp_path, text=TEXT, *sets):
    scenario = loads(text, sets)
    packages = make_packages(scenario.firmware, 3, tmp_path)
    return operator_job(scenario, Population(scenario, 3), SERVER, packages, ORIGINS)


def test_every_device_is_a_target_and_those_without_a_delivery_have_no_order(tmp_path):
    job = job_of(tmp_path)
    assert [target.device for target in job.targets] == list(range(50))
    orders = [target.order for target in job.targets]
    assert [order is None for order in orders].count(True) == 5
    assert sorted({order.delivery for order in orders if order}) == ["pull", "push"]
    for order in filter(None, orders):
        assert (order.uri, order.package) == (f"{ORIGIN}/good.bin", tmp_path / "good.bin")
        assert (order.version, order.expected_state, order.expected_result) == ("2.5.0", 0, 1)


@pytest.mark.parametrize("transport", ORIGINS)
def test_a_device_gets_the_uri_of_its_transport(tmp_path, transport):
    text = TEXT.replace("count = 40", f'count = 40\ntransport = "{transport}"')
    uris = {target.order.uri for target in job_of(tmp_path, text).targets if target.order is not None}
    assert uris == {f"{ORIGINS[transport]}/good.bin", f"{ORIGIN}/good.bin"}


def test_random_order_is_drawn_by_the_seed(tmp_path):
    arrival, drawn = job_of(tmp_path), job_of(tmp_path, TEXT, "campaign.order=random")
    assert drawn.targets != arrival.targets
    assert sorted(drawn.targets, key=lambda target: target.device) == list(arrival.targets)
    assert job_of(tmp_path, TEXT, "campaign.order=random") == drawn


def test_tactics_and_patience(tmp_path):
    sets = ("campaign.timeout=12 s", "campaign.request_timeout=3 s", "campaign.rate=2/s", "campaign.concurrency=7")
    job = job_of(tmp_path, TEXT, *sets, 'campaign.start={after = "4 s"}', 'campaign.execute={delay = "5 s"}')
    assert (job.patience.update_s, job.patience.request_s, job.patience.poll_s) == (12.0, 3.0, 3.0)
    tactics = job.tactics
    assert (tactics.start, tactics.start_after_s, tactics.rate, tactics.concurrency) == ("after", 4.0, 2.0, 7)
    assert (tactics.execute, tactics.execute_delay_s) == ("delay", 5.0)
    assert job_of(tmp_path).patience.poll_s == POLL_S_MAX


def test_a_push_has_the_form_of_its_group_and_may_be_made_again(tmp_path):
    job = job_of(tmp_path, TEXT, "groups.pushed.push_format=tlv", "campaign.retries=2")
    forms = {(target.order.delivery, target.order.form) for target in job.targets if target.order is not None}
    assert (forms, job.patience.retries) == ({("pull", "opaque"), ("push", "tlv")}, 2)
    assert job_of(tmp_path).patience.retries == 0
    job.write(tmp_path / "job.json")
    assert type(job).read(tmp_path / "job.json") == job


def test_the_last_to_arrive_still_has_time_to_register(tmp_path):
    job = job_of(tmp_path, TEXT, "arrivals.kind=rate", "arrivals.rate=1/s", "campaign.timeout=70 s")
    assert job.tactics.registration_timeout_s == pytest.approx(49 + 70)


ORDERS = {name: kind.order for name, kind in FAULTS.items() if kind.seam == "order"}


@pytest.mark.parametrize("kind", sorted(ORDERS))
def test_a_fault_of_the_order_orders_something_else(tmp_path, kind):
    head = TEXT.partition("[groups.watched]")[0].replace("count = 40", "count = 4")
    text = f'{head}[[groups.a.faults]]\nkind = "{kind}"\n'
    job = job_of(tmp_path, text)
    for target in job.targets:
        plain = target.order.uri == f"{ORIGIN}/good.bin" and target.order.package.name == "good.bin"
        assert plain == bool(target.order.acts)
        assert plain == (target.order.fault != kind)
        assert all(act.fault == kind for act in target.order.acts)


def test_the_packages_and_what_is_wrong_with_them(tmp_path):
    scenario = loads(TEXT)
    packages = make_packages(scenario.firmware, 3, tmp_path)
    good, foreign, bad = ((tmp_path / f"{name}.bin").read_bytes() for name in ("good", "wrong-model", "bad-magic"))
    assert packages.size == len(good) == len(foreign) == len(bad) == 2048
    assert (parse_header(good).model, parse_header(good).version) == (scenario.firmware.model, "2.5.0")
    assert parse_header(foreign).model == FOREIGN_MODEL
    assert bad[4:] == good[4:]
    assert bad[:4] != good[:4]
    assert packages.uri("bad-scheme", ORIGIN).startswith("ftp://127.0.0.1:7/")
    assert packages.uri("not-found", ORIGIN) == f"{ORIGIN}/nothing-here.bin"


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_file_gets_a_header_unless_it_has_one(tmp_path, wrapped):
    content = b"firmware " * 100
    image = tmp_path / "image.bin"
    image.write_bytes(build("m", "3.0.0", content) if wrapped else content)
    scenario = loads(
        TEXT.replace('size = "2 KiB"\nversion = "2.5.0"', f'file = "{image}"\nmodel = "m"\nversion = "3.0.0"')
    )
    make_packages(scenario.firmware, 3, tmp_path / "packages")
    good = (tmp_path / "packages" / "good.bin").read_bytes()
    assert good == build("m", "3.0.0", content)
    assert good[HEADER_SIZE:] == content


def test_the_same_seed_makes_the_same_package(tmp_path):
    firmware = loads(TEXT).firmware
    make_packages(firmware, 3, tmp_path / "a")
    make_packages(firmware, 3, tmp_path / "b")
    make_packages(firmware, 4, tmp_path / "c")
    a, b, c = ((tmp_path / name / "good.bin").read_bytes() for name in "abc")
    assert a == b == generate(2048, firmware.model, "2.5.0", 3)
    assert a != c


def test_what_the_scenario_orders_and_the_course_that_it_declares(tmp_path):
    orders = (
        'orders = [{ when = "idle", do = "write", path = "/5/0/0", value = "\\u0000" }, '
        '{ when = "end", do = "read", path = "/5/0/5", value = "1" }]\n'
    )
    course = 'course = { results = [0, 1], write = "2.04" }\n'
    text = TEXT.replace('delivery = "push"\n', f'delivery = "push"\n{orders}{course}')
    ordered = [target.order for target in job_of(tmp_path, text).targets if target.order is not None]
    pulls, pushes = (
        [order for order in ordered if order.delivery == "pull"],
        [order for order in ordered if order.delivery == "push"],
    )
    assert {(order.acts, order.course) for order in pulls} == {((), None)}
    nul = tmp_path / "nul.bin"
    acts = (
        Act("", 0, "write", "", nul, "2.04", "/5/0/0", "\0"),
        Act("", AT_END, "read", "", nul, "2.05", "/5/0/5", "1"),
    )
    assert {(order.acts, order.course) for order in pushes} == {(acts, Course((), (0, 1), "2.04"))}


def test_the_package_uris_that_a_server_of_ones_own_has_to_order_by():
    def group(transport, delivery="pull"):
        return SimpleNamespace(scheme=transport, delivery=delivery)

    origins = {"coap": "coap://127.0.0.1:1", "http": "http://127.0.0.1:2", "https": "https://127.0.0.1:3"}
    groups = [group("http"), group("coap"), group("http"), group("coaps", "push")]
    told = package_uris(groups, origins)
    assert told == "Package URI to order by: http://127.0.0.1:2/good.bin, coap://127.0.0.1:1/good.bin"
    assert package_uris([group("coap", "push")], origins) == ""
