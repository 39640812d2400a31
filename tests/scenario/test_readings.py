"""``switches`` of a group: read strictly, all problems at once, and what faults declare follows them."""

from __future__ import annotations

import json

import pytest

from simulator.lwm2m.firmware_switches import SWITCHES
from simulator.scenario import ScenarioError, json_schema, loads

GROUP = "[groups.a]\ncount = 2\n"


def problems(text):
    with pytest.raises(ScenarioError) as caught:
        loads(text)
    return {problem.key: (problem.message, problem.mend) for problem in caught.value.problems}


def test_all_that_is_wrong_is_told_at_once():
    found = problems(
        '[devices]\nswitches = ["image-kept", "image-removed"]\n'
        f'{GROUP}switches = ["push-hiden", "uri-kept", "install_failure_to_idle", "uri-last-written"]\n'
        '[groups.b]\ncount = 1\nswitches = ["push-hidden", "push-hidden"]\nprofile = "anja"\n'
    )
    assert found["devices.switches"] == (
        "`image-kept` and `image-removed` are two readings of one point (image when State returns to Idle)",
        "give one of them",
    )
    assert found["groups.a.switches[0]"] == ("'push-hiden' is no switch", "did you mean `push-hidden`?")
    assert found["groups.a.switches[2]"][1] == "did you mean `install-failure-to-idle`?"
    assert "`uri-kept` and `uri-last-written` are two readings" in found["groups.a.switches"][0]
    assert found["groups.b.switches"][0] == "`push-hidden` is there twice"
    assert "groups.b.profile" in found


@pytest.mark.parametrize("written", ['"push-hidden"', "true", "[1]"])
def test_what_is_no_list_of_names_is_refused(written):
    assert problems(f"{GROUP}switches = {written}")


def test_those_of_a_group_take_the_place_of_the_defaults():
    groups = loads(
        f'[devices]\nswitches = ["push-hidden"]\n{GROUP}[groups.b]\ncount = 1\nswitches = ["image-kept"]\n'
    ).groups
    assert (groups["a"].switches, groups["b"].switches) == (("push-hidden",), ("image-kept",))
    assert not groups["a"].habits.shows_downloading_on_push
    assert groups["b"].habits.shows_downloading_on_push


def test_the_record_has_them_and_what_a_server_can_see():
    text = f'{GROUP}profile = "zephyr"\nswitches = ["passing-states-not-notified", "push-hidden"]\n'
    group = json.loads(json.dumps(loads(text).to_dict()))["groups"]["a"]
    assert group["switches"] == ["passing-states-not-notified", "push-hidden"]
    assert (group["shows_downloading_on_push"], group["notifies_every_change"]) == (False, False)


def test_the_schema_lists_their_names():
    items = json_schema()["$defs"]["Group"]["properties"]["switches"]["items"]
    assert items["enum"] == list(SWITCHES)


ENDS = [
    # profile, switch, fault, end
    ("oma", "install-failure-to-idle", 'kind = "install-fails"', (0, 8)),
    ("oma", "install-failure-to-idle", 'kind = "install-reverted"', (0, 8)),
    ("zephyr", "install-failure-to-downloaded", 'kind = "install-fails"', (2, 8)),
    ("oma", "install-failure-at-boot-to-idle", 'kind = "install-fails"', (2, 8)),
    ("oma", "install-failure-at-boot-to-idle", 'kind = "boot-loop"\nthen = "old"', (0, 8)),
    ("oma", "corrupt-install-to-downloaded", 'kind = "install-corrupt"', (2, 8)),
    ("oma", "corrupt-install-to-downloaded", 'kind = "image-corrupt"', (0, 5)),
    ("oma", "not-found-is-connection-lost", 'kind = "uri-not-found"', (0, 4)),
    ("oma", "not-found-is-connection-lost", 'kind = "host-unknown"', (0, 7)),
    ("oma", "uri-kept", 'kind = "uri-cleared"\nstate = "downloading"', (0, 0)),
    ("oma", "clear-in-downloaded-only", 'kind = "uri-cleared"\nstate = "downloading"', None),
    ("oma", "clear-in-downloaded-only", 'kind = "uri-cleared"\nstate = "downloaded"', (0, 0)),
    ("zephyr", "clear-before-update", 'kind = "uri-cleared"\nstate = "downloading"', (0, 0)),
    ("zephyr", "uri-kept", 'kind = "uri-cleared"\nstate = "downloading"', None),
    ("oma", "uri-kept", 'kind = "install-fails"\nexpect = { state = 0, result = 8 }', (0, 8)),
]


@pytest.mark.parametrize(
    ("profile", "switches", "end"),
    [("oma", "", (0, 4)), ("anjay", "", (0, 4)), ("zephyr", "", (1, 0)), ("zephyr", '"push-hidden"', (0, 0))],
)
def test_a_push_that_nobody_goes_on_with_ends_as_the_profile_has_it(profile, switches, end):
    text = (
        f'{GROUP}profile = "{profile}"\nswitches = [{switches}]\ndelivery = "push"\n'
        '[[groups.a.faults]]\nkind = "push-block-misnumbered"\n'
    )
    assert loads(text).groups["a"].faults[0].expected == end


@pytest.mark.parametrize(("profile", "switch", "fault", "end"), ENDS)
def test_what_a_fault_declares_follows_the_switches(profile, switch, fault, end):
    text = f'{GROUP}profile = "{profile}"\nswitches = ["{switch}"]\n[[groups.a.faults]]\n{fault}\n'
    assert loads(text).groups["a"].faults[0].expected == end


@pytest.mark.parametrize(
    ("profile", "switch", "end"),
    [("oma", "no-credential-is-connection-lost", (0, 4)), ("zephyr", "no-credential-is-unsupported", (0, 9))],
)
def test_what_a_missing_credential_leads_to_follows_the_switches(profile, switch, end):
    text = (
        f'{GROUP}profile = "{profile}"\nswitches = ["{switch}"]\ntransport = "coaps"\n'
        'download_credentials = { wrong = "missing" }\n'
    )
    assert loads(text).groups["a"].expected == end


def test_a_fault_that_another_reading_keeps_from_striking_is_refused_with_it():
    cut = f'{GROUP}switches = ["state-lost-over-reboot"]\n[[groups.a.faults]]\nkind = "power-cut"\n'
    [(message, mend)] = problems(cut).values()
    assert "keep nothing over a reboot" in message
    assert '"state-kept-over-reboot"' in mend
    early = '[[groups.a.faults]]\nkind = "update-early"\nstate = "downloading"\n'
    with pytest.raises(ScenarioError, match="does not show this state during a push"):
        loads(f'{GROUP}delivery = "push"\nswitches = ["push-hidden"]\n{early}')
    loads(f'{GROUP}delivery = "push"\nprofile = "anjay"\nswitches = ["push-shown"]\n{early}')


QUIET = 'switches = ["passing-states-not-notified"]'
AWAY = 'switches = ["deregister-while-pulling"]'


@pytest.mark.parametrize(
    ("keys", "key", "message"),
    [
        (f'{QUIET}\norders = [{{ when = "updating", do = "read", path = "/5/0/3" }}]', "orders[0].when", "every State"),
        (f"{QUIET}\ncourse = {{ states = [2, 0] }}", "course.states", "every State"),
        (f'{QUIET}\n[[groups.a.faults]]\nkind = "second-uri"\nstate = "updating"', "faults[0].state", "every State"),
        (f'{AWAY}\n[[groups.a.faults]]\nkind = "uri-cleared"\nstate = "downloading"', "faults[0].state", "registered"),
    ],
)
def test_what_asks_in_a_state_that_nobody_hears_of_is_refused(keys, key, message):
    found = problems(f"{GROUP}{keys}\n")
    assert message in found[f"groups.a.{key}"][0]


# -- versions of the object --------------------------------------------------------------------------------------------

V1_2 = 'object_version = "1.2"\nautomatic_upgrade = true\n'


@pytest.mark.parametrize(
    ("keys", "key", "message"),
    [
        ('object_version = "1.3"', "object_version", "not possible here"),
        ('lwm2m = "1.0"\nobject_version = "1.1"', "object_version", "needs LwM2M 1.1"),
        ("automatic_upgrade = true", "automatic_upgrade", "only object 5 in version 1.2"),
        (f'{V1_2}course = {{ execute = "2.04" }}', "course.execute", "nobody executes Update"),
        (f'{V1_2}orders = [{{ when = "downloaded", do = "read", path = "/5/0/3" }}]', "orders[0].when", "State 2"),
        (f'{V1_2}[[groups.a.faults]]\nkind = "update-cancelled"', "faults[0].state", "does not stay in State 2"),
        (
            f'{V1_2}[[groups.a.faults]]\nkind = "user-cancels"\nat = {{ state = "downloaded" }}',
            "faults[0].at",
            "does not stay in State 2",
        ),
        (f'{V1_2}[[groups.a.faults]]\nkind = "user-cancels"', "faults[0].kind", "does not stay in State 2"),
        ('object_version = "1.0"\n[[groups.a.faults]]\nkind = "update-deferred"', "faults[0].kind", "version 1.1"),
        (
            'object_version = "1.0"\n[[groups.a.faults]]\nkind = "update-cancelled"\nstate = "downloading"',
            "faults[0].state",
            "version 1.1",
        ),
    ],
)
def test_what_a_version_of_the_object_has_not_is_refused(keys, key, message):
    found = problems(f"{GROUP}{keys}\n")
    assert list(found) == [f"groups.a.{key}"]
    assert message in found[f"groups.a.{key}"][0]
    assert found[f"groups.a.{key}"][1]


def test_an_external_server_gives_its_own_orders():
    found = problems(f'[server]\nkind = "external"\nhost = "127.0.0.1"\n{GROUP}{V1_2}')
    assert found["groups.a.automatic_upgrade"][1] == "drop `automatic_upgrade`"


def test_a_version_goes_over_that_of_the_profile():
    group = loads(f'{GROUP}profile = "zephyr"\n{V1_2}[[groups.a.faults]]\nkind = "update-deferred"\n').groups["a"]
    assert group.habits.object_version("1.1") == "1.2"
    assert loads(f'{GROUP}profile = "zephyr"\n').groups["a"].habits.object_version("1.1") == "1.0"
