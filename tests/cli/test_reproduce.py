"""A device of a run can be replayed, the same to the byte in virtual time, and its end is held against the run."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import aiocoap
import pytest

from simulator.cli.app import main
from simulator.cli.failure import CRITERION_FAILED, ENVIRONMENT, HOLDS, USAGE, CommandFailedError
from simulator.events import DeviceEnded, UpdateEnded
from simulator.fleet.population import Population
from simulator.scenario import loads
from simulator.security.issue import Issuer
from tests.cli.recorded_runs import SCENARIO, SEED, record, recorded_run, replay
from tests.network.captured import packets, streams
from tests.peers.tools import peer_tool

DEVICES = [Population(loads(SCENARIO), SEED).device(k) for k in range(7)]
BY_GROUP = {plan.group: plan.endpoint for plan in DEVICES}
CORRUPT = next(plan for plan in DEVICES if plan.fault)
SOUND = next(plan for plan in DEVICES if plan.group == "plain" and not plan.fault)


@pytest.fixture
def run(tmp_path):
    return recorded_run(tmp_path)


def ended(plan, state=0, result=1, version="2.0.0"):
    return DeviceEnded(9.0, plan.index, state, result, version, 2, True, 1, 1, 0)


def judged(plan, outcome="ok", state=0, result=1, version="2.0.0"):
    return UpdateEnded(9.0, plan.index, "pull", 0.0, 0.0, outcome, state, result, version, "")


@pytest.mark.parametrize(
    "endpoint", [SOUND.endpoint, CORRUPT.endpoint, *map(BY_GROUP.get, ("secure", "stream", "http"))]
)
def test_two_replays_are_equal_to_the_byte(run, tmp_path, endpoint):
    def once(name):
        out = tmp_path / name
        replay(run, endpoint, virtual=True, out=out, pcap=tmp_path / f"{name}.pcap")
        files = [out / "events.jsonl", out / "timeline.txt", out / "timeline.svg", tmp_path / f"{name}.pcap"]
        return [file.read_bytes() for file in files]

    first = once("first")
    assert all(len(content) > 1000 for content in first)
    assert first == once("second")


def test_over_tls_two_replays_have_equal_timelines(run):
    first, second = (replay(run, BY_GROUP["web"], virtual=True) for _ in range(2))
    assert re.search(r"<- origin +HTTP/1\.1 200 OK, \d+ B, of them body 3072 B", first[1])
    assert "VERDICT    ok" in first[1]
    assert first == second


def test_a_device_that_nobody_updates_is_seen_to_register(run):
    plan = next(plan for plan in DEVICES if not plan.delivery)
    record(run, ended(plan, 0, 0, "1.0.0"))
    code, text = replay(run, plan.endpoint, virtual=True)
    assert code == HOLDS
    assert re.search(r"device +register: ok 2\.01", text)
    assert re.search(r"server +reports /5/0/3 = 0 \(observe\)", text)
    assert "VERDICT" not in text


def test_what_a_timeline_shows(run):
    record(run, ended(CORRUPT, 0, 5, "1.0.0"))
    code, text = replay(run, CORRUPT.endpoint, virtual=True)
    assert code == HOLDS
    lines = text.splitlines()
    for shown in (
        r"device +starts: group plain, faults image-corrupt, network lte-m, declared to end in 0/5",
        r"-> server +CON 0\.02 POST /rd\?.*ep=.* mid=\d+ token=\w+ .*payload \d+ B, \d+ B",
        r"<- server +ACK 2\.01 Location /rd/1 mid=\d+ token=\w+, \d+ B",
        r"<- server +CON 0\.01 GET /5/0/3 mid=\d+ token=\w+ Observe=0",
        r"-> origin +CON 0\.01 GET /good\.bin mid=\d+ token=\w+ Block2=0/0/512 Size2=0",
        r"<- origin +ACK 2\.05 mid=\d+ token=\w+ ETag=\w+ Content-Format=42 Block2=0/1/512 Size2=3072 payload 512 B",
        r"FAULT +image-corrupt strikes at flash",
        r"STATE +State 1, Result 0 \(DOWNLOADING, INITIAL\): uri_written",
        r"STATE +State 0, Result 5 \(IDLE, INTEGRITY_CHECK_FAILURE\): ",
        r"server +reports /5/0/5 = 5 \(notify\)",
        r"operator +write_uri: ok 2\.04",
        r"VERDICT +ok: server has State 0, Result 5",
    ):
        assert any(re.search(shown, line) for line in lines), f"{shown}\n{text}"
    times = [float(line.split()[0]) for line in lines if re.match(r" *\d+\.\d{6}  ", line)]
    assert times == sorted(times)
    assert times[0] == CORRUPT.due_s
    assert lines[-1] == "The end is the same as in the run."


def test_a_fault_that_lasts_has_its_begin_and_its_end_with_its_parameters(tmp_path):
    lasting = SCENARIO.replace(
        'kind = "image-corrupt"\nshare = "50 %"', 'kind = "packet-loss"\nrate = "20 %"\nheals = "3 s"'
    )
    run = recorded_run(tmp_path, lasting)
    plan = Population(loads(lasting), SEED).device(SOUND.index)
    _, text = replay(run, plan.endpoint, virtual=True)
    (struck,) = re.findall(r" ([\d.]+)  FAULT +packet-loss strikes at datagram, .*rate 20 %.*heals after 3 s", text)
    (over,) = re.findall(r" ([\d.]+)  FAULT +packet-loss is over, healed .*rate 20 %", text)
    assert float(over) - float(struck) == pytest.approx(3.0)


def test_messages_of_a_device_under_dtls_are_shown_decrypted_and_stay_encrypted_in_the_capture(run, tmp_path):
    _, text = replay(run, BY_GROUP["secure"], virtual=True, pcap=tmp_path / "a.pcap")
    assert re.search(r"-> origin +CON 0\.01 GET /good\.bin", text)
    found = packets((tmp_path / "a.pcap").read_bytes())
    assert len(found) > 20
    assert {one.payload[0] for one in found} <= {20, 21, 22, 23}, "not all are records of DTLS"
    assert b"good.bin" not in (tmp_path / "a.pcap").read_bytes()


def test_the_capture_has_the_messages_of_the_timeline(run, tmp_path):
    _, text = replay(run, SOUND.endpoint, virtual=True, pcap=tmp_path / "a.pcap")
    # A second opinion on what was captured: a decoder that others wrote.
    found = [aiocoap.Message.decode(one.payload) for one in packets((tmp_path / "a.pcap").read_bytes())]
    shown = re.findall(r"(?:->|<-) (?:server|origin) +(CON|NON|ACK|RST) .*?mid=(\d+)", text)
    assert [(message.mtype.name, str(message.mid)) for message in found] == shown
    blocks = [message for message in found if message.code.is_response() and message.opt.block2]
    assert b"".join(message.payload for message in blocks) == (run / "packages" / "good.bin").read_bytes()


def test_a_stream_is_put_together_out_of_the_capture(run, tmp_path):
    _, text = replay(run, BY_GROUP["stream"], virtual=True, pcap=tmp_path / "a.pcap")
    assert re.search(r"<- server +0\.03 PUT /5/0/0 token=\w+ .*payload \d+ B", text)
    assert re.search(r"-> server +7\.01 CSM", text)
    whole = b"".join(streams(packets((tmp_path / "a.pcap").read_bytes())).values())
    assert (run / "packages" / "good.bin").read_bytes()[-500:] in whole


@pytest.mark.parametrize(
    ("events", "code", "said"),
    [
        ([ended(SOUND), judged(SOUND)], HOLDS, "The end is the same as in the run."),
        ([ended(SOUND)], HOLDS, "The end is the same as in the run."),
        ([ended(SOUND, 0, 4, "1.0.0"), judged(SOUND)], CRITERION_FAILED, "The end is another one."),
        ([ended(SOUND), judged(SOUND, "unknown", 1, 0, "")], CRITERION_FAILED, "The end is another one."),
        ([], CRITERION_FAILED, "The run has not recorded how this device ended."),
        ([ended(CORRUPT)], CRITERION_FAILED, "The run has not recorded how this device ended."),
    ],
)
def test_the_end_is_held_against_that_of_the_run(run, events, code, said):
    for event in events:
        record(run, event)
    found, text = replay(run, SOUND.endpoint, virtual=True)
    assert (found, text.splitlines()[-1]) == (code, said)


def test_a_part_that_cannot_be_read_is_passed_over(run):
    record(run, ended(SOUND))
    (run / "parts" / "updates").mkdir()
    (run / "parts" / "updates" / "operator-000000.parquet").write_bytes(b"PAR1")
    assert replay(run, SOUND.endpoint, virtual=True)[0] == HOLDS


def test_keys_are_written_where_the_user_asks_for_them_and_nowhere_else(run, tmp_path):
    keys, out, pcap = tmp_path / "keys", tmp_path / "out", tmp_path / "a.pcap"
    _, text = replay(run, BY_GROUP["secure"], virtual=True, out=out, pcap=pcap, keylog=keys)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    lines = keys.read_text().splitlines()
    assert len(lines) >= 2
    assert all(re.fullmatch(r"CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}", line) for line in lines)
    assert "holds the keys of the connections" in text
    psk = Issuer(SEED).psk(BY_GROUP["secure"]).key
    secrets = [bytes.fromhex(line.split()[2]) for line in lines] + [psk]
    written = [path.read_bytes() for path in out.rglob("*") if path.is_file()] + [pcap.read_bytes(), text.encode()]
    for secret in secrets:
        assert not any(secret in content or secret.hex().encode() in content for content in written)
    assert psk.hex() not in keys.read_text()


def test_a_file_of_keys_is_never_written_over(run, tmp_path):
    (tmp_path / "keys").write_text("mine")
    with pytest.raises(CommandFailedError, match="it would hold the keys of two replays") as error:
        replay(run, SOUND.endpoint, virtual=True, keylog=tmp_path / "keys")
    assert error.value.code == USAGE
    assert (tmp_path / "keys").read_text() == "mine"


@pytest.mark.parametrize(
    ("device", "options", "said"),
    [
        ("nobody", {}, "has no device with the endpoint 'nobody'; it has 7, such as vd-"),
        (SOUND.endpoint, {"virtual": True, "server": "leshan"}, "--virtual is with the embedded server, not leshan"),
        (SOUND.endpoint, {"url": "http://127.0.0.1:1", "server": "leshan"}, "--url is for --server leshan-demo"),
        (SOUND.endpoint, {"server": "external"}, "the run had the server embedded"),
    ],
)
def test_what_cannot_be_replayed(run, device, options, said):
    with pytest.raises(CommandFailedError, match=re.escape(said)) as error:
        replay(run, device, **options)
    assert error.value.code == USAGE


@pytest.mark.parametrize(("device", "code"), [(SOUND.endpoint, HOLDS), ("nobody", USAGE)])
def test_the_command(run, monkeypatch, capsys, tmp_path, device, code):
    record(run, ended(SOUND))
    options = ["--device", device, "--virtual", "--pcap", str(tmp_path / "a.pcap")]
    monkeypatch.setattr(sys, "argv", ["lwm2m-fleet", "reproduce", str(run), *options])
    with pytest.raises(SystemExit) as end:
        main()
    printed = capsys.readouterr()
    assert (end.value.code or 0) == code, printed
    assert "Traceback" not in printed.out + printed.err
    assert (tmp_path / "a.pcap").exists() == (code == HOLDS)


@pytest.mark.parametrize("content", [None, "no JSON", "[]", "{}", json.dumps({"scenario": 1, "set": 2, "seed": -1})])
def test_a_directory_that_is_none_of_a_run(run, content):
    (run / "plan.json").unlink()
    if content is not None:
        (run / "plan.json").write_text(content)
    with pytest.raises(CommandFailedError) as error:
        replay(run, SOUND.endpoint, virtual=True)
    assert error.value.code == USAGE


def test_a_public_target_needs_consent(tmp_path):
    run = recorded_run(tmp_path, SCENARIO + '[server]\nkind = "external"\nhost = "203.0.113.7"\n')
    with pytest.raises(CommandFailedError, match="outside loopback and private ranges"):
        replay(run, SOUND.endpoint)


def test_a_disk_that_is_full_ends_in_one_message(run):
    with pytest.raises(CommandFailedError, match="No space left on device") as error:
        replay(run, SOUND.endpoint, virtual=True, pcap=Path("/dev/full"))
    assert error.value.code == ENVIRONMENT


def test_the_output_directory_must_be_empty(run, tmp_path):
    with pytest.raises(CommandFailedError, match="is not empty"):
        replay(run, SOUND.endpoint, virtual=True, out=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["plain", pytest.param("web", marks=pytest.mark.peer)])
def test_over_sockets(run, tmp_path, group):
    plan = SOUND if group == "plain" else next(plan for plan in DEVICES if plan.group == group)
    record(run, ended(plan))
    record(run, judged(plan))
    code, text = replay(run, plan.endpoint, pcap=tmp_path / "a.pcap", keylog=tmp_path / "keys")
    assert code == HOLDS, text
    if group == "web":
        assert re.search(r"-> origin +GET /good\.bin HTTP/1\.1", text)
        assert "CLIENT_TRAFFIC_SECRET_0" in (tmp_path / "keys").read_text()
        tshark_sees(tmp_path, 'http.request.uri == "/good.bin"')
        tshark_sees(tmp_path, 'coap.opt.uri_path_recon == "/5/0/3"')


@pytest.mark.slow
def test_at_a_server_that_somebody_else_drives(tmp_path):
    command = [sys.executable, "-m", "simulator.servers.embedded"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        port = json.loads(server.stdout.readline())["coap"].rpartition(":")[2]
        text = SCENARIO.replace("[run]", '[run]\nduration_max = "4 s"').replace('timeout = "60 s"', 'timeout = "2 s"')
        run = recorded_run(tmp_path, f'{text}[server]\nkind = "external"\nhost = "127.0.0.1"\nport = {port}\n')
        record(run, ended(SOUND, 0, 0, "1.0.0"))
        code, shown = replay(run, SOUND.endpoint)
        server.stdin.close()
    assert code == HOLDS, shown
    assert re.search(r"device +register: ok 2\.01", shown)
    assert re.search(r"device +deregister: ok 2\.02", shown)


@pytest.mark.peer
def test_wireshark_decrypts_a_capture_with_the_keys(run, tmp_path):
    replay(run, BY_GROUP["secure"], virtual=True, pcap=tmp_path / "a.pcap", keylog=tmp_path / "keys")
    tshark_sees(tmp_path, 'coap.opt.uri_path_recon == "/5/0/3"')
    # Of the management before the restart and after it, and of the download: nothing stays encrypted.
    tshark_sees(tmp_path, 'coap.code == 3 and coap.opt.uri_path_recon == "/5/0/1"')
    tshark_sees(tmp_path, 'coap.code == 1 and coap.opt.uri_path_recon == "/good.bin"')
    tshark_sees(tmp_path, "dtls.record.content_type == 23 and not coap", found=False)
    tshark_sees(tmp_path, 'coap.opt.uri_path_recon == "/5/0/3"', keys=False)


def tshark_sees(tmp_path, query, *, keys=True, found=None):
    """That Wireshark finds packets for a query, or none where it is told; without the keys none."""
    tshark = peer_tool("tshark", "tshark")
    command = [tshark, "-r", tmp_path / "a.pcap", "-d", "dtls.port==1-65535,coap", "-Y", query]
    command += ["-o", f"tls.keylog_file:{tmp_path / 'keys'}"] if keys else []
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert bool(shown.stdout) == (keys if found is None else found), shown.stdout
