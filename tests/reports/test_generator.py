from dataclasses import replace

import pytest

from tests.reports.synthetic import Device, health


def run_of(summary, **options):
    return summary([Device(k, update_s=2.5) for k in range(100)], **options).generator


def test_generator_that_kept_up(summary):
    found = run_of(summary)
    assert (found.bottleneck, found.reasons) == (False, [])
    assert found.campaign_s == pytest.approx(2.5)
    assert {p.process for p in found.processes if p.loop_lag_max_s is None} == {
        p.process for p in found.processes if p.role == "server"
    }
    assert (found.loop_lag_max_s, found.late_starts, found.missed_starts, found.dropped_datagrams) == (0.002, 0, 0, 0)
    fleet = found.processes[0]
    assert (fleet.process, fleet.role) == ("fleet-0", "fleet")
    assert fleet.cpu_share == pytest.approx(0.2)
    assert fleet.cpu_s == pytest.approx(0.6)


def full_core(process):
    return [replace(row, cpu_s=row.t * 0.95) for row in health(process)]


@pytest.mark.parametrize(
    ("fleet", "reason"),
    [
        (full_core("fleet-0"), "fleet-0 used 95 % of a core"),
        (health("fleet-0", loop_lag_s=0.3), "up to 300 ms late"),
        (health("fleet-0", late_starts=2), "2 of 100 starts were more than 100 ms late"),
        (health("fleet-0", missed_starts=1), "1 due start never happened"),
    ],
)
def test_bottleneck(summary, fleet, reason):
    found = run_of(summary, fleet_health=fleet)
    assert found.bottleneck
    assert len(found.reasons) == 1
    assert reason in found.reasons[0]


def origin_run(summary, *shares, busy=(0, 11), seconds=20, **options):
    """A run with an origin of so many processes, each of which used a share of a core while it was busy."""
    names = ["origin"] if len(shares) == 1 else [f"origin-{k}" for k in range(len(shares))]
    rows = []
    for name, share in zip(names, shares, strict=True):
        busy_s = [min(max(t - busy[0], 0), busy[1] - busy[0]) for t in range(seconds + 1)]
        rows += [replace(row, cpu_s=share * busy_s[int(row.t)]) for row in health(name, seconds)]
    devices = [Device(k, due=k / 10, update_s=19.0 - k / 10) for k in range(100)]
    return summary(devices, fleet_health=health("fleet-0", seconds) + rows, **options).generator


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.97,), "origin used 97 % of a core (firmware.processes is 1, raise it)"),
        ((0.95, 0.5), "origin-0 used 95 % of a core (firmware.processes is 2, raise it)"),
        (
            (0.95, 0.92),
            "origin-0 used 95 % of a core, origin-1 used 92 % of a core (firmware.processes is 2, raise it)",
        ),
    ],
)
def test_an_origin_that_was_full_while_devices_downloaded(summary, shares, said):
    """Over the whole campaign, in which the devices install for long, it was not."""
    found = origin_run(summary, *shares, cores=8)
    assert found.reasons == [f"the package origin was full while devices downloaded: {said}"]
    assert found.bottleneck
    assert all(one.cpu_share < 0.7 for one in found.processes if one.role == "origin")


def test_more_processes_do_not_help_a_full_machine(summary):
    found = origin_run(summary, 0.95, busy=(0, 20), cores=1)
    assert "more of its processes, firmware.processes, need a machine with more cores" in found.reasons[0]
    assert "1.4 of 1 cores" in found.reasons[1]


@pytest.mark.parametrize("options", [{"busy": (12, 20)}, {"busy": (0, 2)}], ids=["after the downloads", "for a moment"])
def test_an_origin_that_was_full_at_another_time(summary, options):
    assert not origin_run(summary, 0.99, cores=8, **options).bottleneck


def test_downloads_of_a_moment_say_nothing_of_the_origin(summary):
    rows = [replace(row, cpu_s=min(row.t, 1.0) * 0.99) for row in health("origin")]
    assert not run_of(summary, fleet_health=health("fleet-0") + rows, cores=8).bottleneck


def test_one_late_start_in_a_hundred_is_not_a_bottleneck(summary):
    found = run_of(summary, fleet_health=health("fleet-0", late_starts=1))
    assert (found.bottleneck, found.late_starts) == (False, 1)


def test_busy_server_is_not_the_generator(summary):
    rows = [replace(row, loop_lag_s=2.0, late_starts=9) for row in full_core("server")]
    found = run_of(summary, server_health=rows)
    assert not found.bottleneck
    assert found.loop_lag_max_s == 0.002


def test_full_machine_is_a_bottleneck(summary):
    rows = [replace(row, cpu_s=row.t * 0.8) for row in health("server")]
    found = run_of(summary, server_health=rows, cores=1)
    assert found.bottleneck
    assert "1.0 of 1 cores" in found.reasons[0]


def test_bottleneck_is_said_first(summary):
    found = summary([Device(0)], fleet_health=health("fleet-0", loop_lag_s=1.0))
    assert found.notes[0].startswith("The generator was the bottleneck: the event loop of fleet-0")


def test_dropped_datagrams_are_noted(summary):
    found = summary([Device(0)], fleet_health=health("fleet-0", dropped_datagrams=5))
    assert found.generator.dropped_datagrams == 5
    assert not found.generator.bottleneck
    assert any("5 datagrams" in note for note in found.notes)


def test_no_health(summary):
    found = run_of(summary, fleet_health=[], server_health=[])
    assert (found.processes, found.loop_lag_max_s, found.late_starts, found.dropped_datagrams) == ([], None, None, None)
    assert not found.bottleneck


def test_single_sample_gives_no_share(summary):
    assert run_of(summary, fleet_health=health("fleet-0", 0)).processes[0].cpu_share is None


def test_usage_from_the_manifest_and_without_it(summary, tmp_path):
    found = summary([Device(k) for k in range(10)]).usage
    assert (found.server_cpu_s, found.fleet_cpu_s, found.server_to_fleet) == (3.0, 2.0, 1.5)
    assert (found.server_cpu_ms_per_update, found.fleet_cpu_ms_per_update) == (300.0, 200.0)


def test_usage_of_a_run_without_an_end(summary):
    found = summary([Device(0)], status="running").usage
    assert found.server_cpu_s == pytest.approx(0.6)
    assert found.fleet_cpu_s == pytest.approx(0.6)
