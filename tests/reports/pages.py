"""Pages without figures that take time to draw, and a reader that sees what of a page is not sound."""

from dataclasses import replace
from html.parser import HTMLParser

from reports.aggregate import update_frame
from reports.build import summarise
from reports.devices import device_frame
from reports.figures import Drawn
from reports.page import render
from reports.read import read_run
from reports.timeline import told_of
from tests.reports.synthetic import Written, fleet_of, health

PICTURE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 42"><rect width="90" height="42" fill="#fff"/>'
    b'<rect x="5" y="5" width="60" height="9" fill="#0072B2"/></svg>'
)
FIGURES = [Drawn(name, f"What {name} shows.", PICTURE, f"{name}: 1 and 2") for name in ("throughput", "states", "new")]
VOID = {"meta", "link", "br", "img", "input", "hr", "col", "wbr"}


def troubled():
    """Some 60 devices: a server that reports another end than they had, updates nobody knows of, and faults."""
    devices = fleet_of(60)
    for one in devices[::7]:
        one.outcome, one.reason, one.server_end = "fail", "the server reports 0/5, declared was 0/1", (0, 5)
    for one in devices[3::29]:
        one.outcome, one.reason = "unknown", "no answer"
    return devices


def summary_of(directory, devices=None, **options):
    """What a report finds, of a generator that could not keep up."""
    late = health("fleet-0", late_starts=9, loop_lag_s=0.6)
    options = {"criteria": {"failed_max": 0, "update_p95_max_s": 20}, "fleet_health": late, **options}
    run = read_run(Written(troubled() if devices is None else devices, **options).write(directory))
    frame = device_frame(run)
    return summarise(run, frame, update_frame(run, frame))


def page_of(summary, figures=FIGURES):
    """Its page, with a timeline of the first device that was not ok."""
    single = [
        Drawn(one.endpoint, f"one device{told_of('image-corrupt')}no more", PICTURE) for one in summary.not_ok[:1]
    ]
    return render(summary, figures, single)


def with_endpoints(summary, name):
    """The same with this endpoint in every list."""
    found = summary.verdicts
    classes = [
        replace(one, charges=[replace(charge, endpoint=name) for charge in one.charges]) for one in found.classes
    ]
    disagreements = [replace(one, endpoint=name) for one in summary.results.disagreements]
    return replace(
        summary,
        not_ok=[replace(one, endpoint=name, reproduce=[*one.reproduce[:-1], name]) for one in summary.not_ok],
        verdicts=replace(found, classes=classes),
        results=replace(summary.results, disagreements=disagreements),
    )


class Reader(HTMLParser):
    """What a page is made of; ``complaints`` are tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.complaints = [], []
        self.tags = []
        self.words = []
        self.feed(text)
        self.complaints += self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.complaints.append(tag)

    def handle_data(self, data):
        if self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)

    def all(self, *tags):
        """The attributes of these elements."""
        return [attrs for tag, attrs in self.tags if tag in tags]

    def having(self, name):
        """The values of an attribute, in order."""
        return [attrs[name] for _, attrs in self.tags if name in attrs]

    @property
    def levels(self):
        """Of the headings, in order."""
        return [int(tag[1]) for tag, _ in self.tags if tag[0] == "h" and tag[1:].isdecimal()]

    @property
    def text(self):
        """What is to be read."""
        return " ".join(" ".join(self.words).split())
