"""Where the figures of the named network profiles come from.

A figure that a source gives is named with it; one that was chosen inside a range says the range and who gives it; one
that nobody gives says that it is a choice, and why it is this one. docs/network-profiles.md shows all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FIGURES: Final = ("delay_s", "jitter_s", "loss", "rate_bps", "rate_up_bps", "mtu", "burst_bytes", "queue_s")
"""The figures of ``NetworkProfile`` that have a source; none of the named profiles doubles or reorders datagrams."""

_LINE: Final = "one packet: a line of the rate, which never runs ahead of it"
_LINK_MTU: Final = "3GPP TS 24.301 §6.6.4.2 and TS 23.060: at most 1358 octets, so that the backbone need not fragment"
_ETHERNET: Final = "RFC 894: at most 1500 octets"
_CELL_QUEUE: Final = "a choice: base stations queue for seconds (Jiang et al., Tackling Bufferbloat in 3G/4G, IMC 2012)"
_BEARERS: Final = "3GPP TS 23.203 table 6.1.7: bearers are allowed from 10⁻⁶ (QCI 9) to 10⁻² (QCI 1)"

SOURCES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "lan": {
            "delay_s": "a choice: two switches that store and forward 1518 bytes take 0.12 ms each at 100 Mbit/s",
            "jitter_s": "a choice: about one more frame in a queue",
            "loss": "a choice: what a switched network loses at this load is below what a run could show",
            "rate_bps": "IEEE 802.3 clauses 24 and 25 (100BASE-TX): 100 Mbit/s",
            "rate_up_bps": "the same, full duplex",
            "mtu": _ETHERNET,
            "burst_bytes": _LINE,
            "queue_s": "a choice: 1.25 MB of buffer at this rate",
        },
        "wifi": {
            "delay_s": "chosen with the jitter, so that round trips of 2 to 18 ms come out: Sui et al., Characterizing "
            "and Improving WiFi Latency in Large-Scale Operational Networks (MobiSys 2016), has a median of 3 ms, "
            "a 90th percentile of 20 ms and a 99th of 250 ms",
            "jitter_s": "see the delay; the long tail is not modelled",
            "loss": "a choice: IEEE 802.11 sends again what is not acknowledged, so little is left",
            "rate_bps": "Espressif, ESP-IDF Programming Guide, Wi-Fi driver, ESP32 throughput: 20 Mbit/s of TCP over "
            "the air; taken for the wire, so TCP has a little less",
            "rate_up_bps": "the same guide: the same upwards",
            "mtu": "1500 octets, as hosts do on 802.11 for Ethernet's sake (RFC 894)",
            "burst_bytes": "a choice: six packets, the block-ack window that ESP-IDF sets unless told otherwise",
            "queue_s": "a choice: 625 kB of buffer at this rate",
        },
        "lte-m": {
            "delay_s": "chosen with the jitter, so that round trips of 80 to 140 ms come out: above the 10 to 15 ms "
            "that are usually given for Cat-M1 without load, below the 10 s of NB-IoT's worst coverage",
            "jitter_s": "see the delay",
            "loss": f"chosen: {_BEARERS}, and the way behind them loses some",
            "rate_bps": "3GPP Release 13, Cat-M1 (TS 36.306 table 4.1A-1, 1000 bits a block) in half duplex: "
            "three blocks in 10 ms are 300 kbit/s",
            "rate_up_bps": "as above: three blocks in 8 ms are 375 kbit/s",
            "mtu": _LINK_MTU,
            "burst_bytes": _LINE,
            "queue_s": _CELL_QUEUE,
        },
        "nb-iot": {
            "delay_s": "chosen with the jitter, so that round trips of 1.4 to 2.6 s come out, in a range from 0.84 s "
            "(measured; Ugwuanyi et al., Survey of IoT for Developing Countries, Electronics 10, 2224, 2021) to "
            "10 s (3GPP TR 45.820: the most that an exception report may take at 164 dB of coupling loss)",
            "jitter_s": "see the delay",
            "loss": f"chosen: {_BEARERS}",
            "rate_bps": "3GPP Release 13, Cat-NB1 (TS 36.306 table 4.1C-1): 680 bits in about 26 ms with scheduling "
            "are 26 kbit/s; chosen just below",
            "rate_up_bps": "chosen just below the 16.9 kbit/s of one 15 kHz tone; with several tones, 1000 bits in "
            "16 ms are 62.5 kbit/s",
            "mtu": _LINK_MTU,
            "burst_bytes": _LINE,
            "queue_s": _CELL_QUEUE,
        },
        "gprs": {
            "delay_s": "chosen with the jitter, so that round trips of 0.6 to 0.9 s come out: RFC 3481 §2.1 has a few "
            "hundred milliseconds to one second",
            "jitter_s": "see the delay",
            "loss": "GSM 02.60 (Release 97), reliability class 3: 10⁻² of the packets lost",
            "rate_bps": "RFC 3481 §2.2: 10 to 40 kbit/s down; three slots of CS-2 (13.4 kbit/s, 3GPP TS 45.003)",
            "rate_up_bps": "RFC 3481 §2.2: 10 to 20 kbit/s up; one slot of CS-2",
            "mtu": "3GPP TS 23.060: at most 1358 octets, so that the backbone need not fragment",
            "burst_bytes": _LINE,
            "queue_s": _CELL_QUEUE,
        },
        "satellite": {
            "delay_s": "chosen: RFC 2488 §2 has 239.6 ms below a geostationary satellite to 279.0 ms at the edge of "
            "its view, ground to ground, without equipment",
            "jitter_s": "a choice: waiting for a slot on the way up",
            "loss": "RFC 2488 §2: one bit error in 10⁷ or less, so 0.12 % of packets of 1500 bytes",
            "rate_bps": "the fastest streaming class of Inmarsat BGAN (32, 64, 128 and 256 kbit/s)",
            "rate_up_bps": "a choice: a middle class of the same, as small terminals have",
            "mtu": _ETHERNET,
            "burst_bytes": _LINE,
            "queue_s": "a choice",
        },
    }
)
"""By profile and figure; ``ideal`` has none."""
