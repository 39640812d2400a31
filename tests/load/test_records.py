"""Files on their way to the master: each piece is answered for, and what is not stays where it is."""

from __future__ import annotations

import gevent
import pytest

from simulator.load import messages as m
from simulator.load.records import IN_FLIGHT, Records, Sending
from simulator.load.spool import Spool
from simulator.recorder.sent import CHUNK
from tests.load.test_spool import plan_of


@pytest.fixture
def spool(tmp_path):
    spool = Spool(plan_of(tmp_path / "run"))
    (spool.directory / "parts" / "devices").mkdir()
    for number in range(2 * IN_FLIGHT):
        (spool.directory / "parts" / "devices" / f"fleet-1-{number:06d}.parquet").write_bytes(b"row")
    yield spool
    spool.remove()


def joined(spool, directory, answers=lambda answer: True):
    """Both sides; the answers come a turn later, as far as they are let through."""
    (directory / "parts").mkdir(parents=True)
    records = Records(
        directory, lambda _, answer, __: answers(answer) and gevent.spawn(sending.on_stored, answer) and None
    )
    records.expect("a", "fleet-1", "/tmp/x on there")
    sent = []

    def send(message, chunk):
        assert message == m.CHUNK
        sent.append(chunk["path"])
        records.take(chunk, "a")

    sending = Sending(spool, send, answer_s=0.05)
    return sending, records, sent


def test_all_is_stored_and_answered_for(spool, tmp_path):
    sending, records, sent = joined(spool, tmp_path / "run")
    assert sending.run() == ""
    assert sorted(path.name for path in (tmp_path / "run" / "parts" / "devices").iterdir()) == [
        path.rpartition("/")[2] for path in sent
    ]
    assert records.missing() != []
    records.came("a")
    assert records.missing() == []


def test_without_an_answer_no_more_is_sent(spool, tmp_path):
    sending, records, sent = joined(spool, tmp_path / "run", answers=lambda answer: False)
    assert sending.run() == "no answer from the master for 0.05 s"
    assert len(sent) == IN_FLIGHT
    [(loss, remedy)] = records.missing()
    assert (loss.what, loss.record_of) == ("the record of fleet-1 is not here", "fleet-1")
    assert remedy == (
        "what fleet-1 recorded stays in /tmp/x on there; copy it to the machine of the master, and there: "
        f"lwm2m-fleet collect {tmp_path / 'run'} COPY"
    )


def test_the_first_refusal_ends_it(spool, tmp_path):
    sending, _, sent = joined(spool, tmp_path / "run")
    (tmp_path / "run" / "parts" / "devices").write_bytes(b"in the way")
    reason = sending.run()
    assert reason.startswith("the master cannot store it: ")
    assert "parts/devices" in reason
    assert len(sent) <= IN_FLIGHT


def test_a_last_answer_that_is_lost_is_missed(spool, tmp_path):
    answered = []
    sending, _, sent = joined(
        spool, tmp_path / "run", answers=lambda answer: answered.append(answer) or len(answered) < 2 * IN_FLIGHT
    )
    assert sending.run().startswith("no answer")
    assert len(sent) == 2 * IN_FLIGHT


def test_a_file_of_many_pieces_fits(spool, tmp_path):
    large = spool.directory / "logs" / "fleet-1.log"
    large.write_bytes(bytes(CHUNK) * (IN_FLIGHT + 2))
    sending, _, _ = joined(spool, tmp_path / "run")
    (tmp_path / "run" / "logs").mkdir()
    assert sending.run() == ""
    assert (tmp_path / "run" / "logs" / "fleet-1.log").stat().st_size == large.stat().st_size


def test_a_run_directory_that_all_see_has_nothing_to_miss(tmp_path):
    records = Records(tmp_path, lambda *_: None)
    records.expect("a", "fleet-1", "")
    assert records.missing() == []
