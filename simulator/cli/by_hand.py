"""The options of ``lwm2m-fleet device`` and ``lwm2m-fleet package``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_Switches = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Another reading of an open point; may be repeated.")
]

_Faults = Annotated[list[str] | None, typer.Option(metavar="KIND:name=value,...", help="A fault; may be repeated.")]


def device(
    server: Annotated[
        str, typer.Argument(metavar="SERVER", help="URI of the server: coap, coaps, coap+tcp or coaps+tcp.")
    ],
    endpoint: Annotated[str, typer.Option(help="Endpoint Client Name.")],
    profile: Annotated[str | None, typer.Option(help="Habits of a client: oma, anjay or zephyr.")] = None,
    switch: _Switches = None,
    lwm2m: Annotated[str | None, typer.Option(help="1.0 or 1.1.")] = None,
    object_version: Annotated[str | None, typer.Option(help="Of the Firmware Update object: 1.0, 1.1, 1.2.")] = None,
    psk_identity: Annotated[str | None, typer.Option(help="PSK identity. Default: the endpoint.")] = None,
    psk_key: Annotated[
        str | None, typer.Option(metavar="HEX", help="PSK; every user of this machine can read it meanwhile.")
    ] = None,
    psk_key_file: Annotated[Path | None, typer.Option(help="File with the PSK in hexadecimal.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file with the device's certificate.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file with its private key.")] = None,
    trust: Annotated[Path | None, typer.Option(help="PEM file with the CAs that the device trusts.")] = None,
    network: Annotated[str | None, typer.Option(help="Access network, such as lte-m or nb-iot.")] = None,
    fault: _Faults = None,
    protocols: Annotated[str | None, typer.Option(help="Schemes to pull from: coap,https.")] = None,
    lifetime: Annotated[str | None, typer.Option(help="Lifetime of the registration: 5min.")] = None,
    state: Annotated[Path | None, typer.Option(help="Directory that keeps the device for the next time.")] = None,
    flash: Annotated[Path | None, typer.Option(help="File that takes the package.")] = None,
    firmware_version: Annotated[str | None, typer.Option(help="Firmware Version at the start.")] = None,
    model: Annotated[str | None, typer.Option(help="Model, which a package has to be for.")] = None,
    package_size: Annotated[str | None, typer.Option(help="Size of the package that faults count in: 64KiB.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Another key of a group of a scenario.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Seed of everything that is drawn.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Write lines of JSON.")] = False,
    allow_public_target: Annotated[
        bool, typer.Option("--allow-public-target", help="Allow a target outside loopback and private ranges.")
    ] = False,
) -> None:
    """Run one device against any server, by hand: it tells what happens and takes commands."""
    from simulator.cli.app import output
    from simulator.cli.device import DeviceOptions, run_device, said

    options = DeviceOptions(
        server,
        endpoint,
        psk_identity=psk_identity,
        psk_key=psk_key,
        psk_key_file=psk_key_file,
        settings=said(
            profile=profile,
            switches=switch,
            lwm2m=lwm2m,
            object_version=object_version,
            certificate=certificate,
            key=key,
            trust=trust,
            network=network,
            faults=fault,
            protocols=protocols,
            lifetime=lifetime,
            state_directory=state,
            image=flash,
            firmware_version=firmware_version,
            model=model,
            package_size=package_size,
            seed=seed,
            allow_public_target=allow_public_target,
        ),
        overrides=tuple(set_ or ()),
        as_json=json_,
    )
    raise typer.Exit(run_device(options, output))


def package(
    file: Annotated[Path, typer.Argument(help="File to write.", show_default=False)],
    image: Annotated[Path | None, typer.Option(help="An image of your own; it gets a header.")] = None,
    size: Annotated[str | None, typer.Option(help="Size of the package without an image. Default: 64KiB.")] = None,
    version: Annotated[str, typer.Option(help="Firmware Version after the update.")] = "2.0.0",
    model: Annotated[str, typer.Option(help="Model of the devices that it is for.")] = "vd-1",
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of its contents.")] = 0,
) -> None:
    """Write a package file that virtual devices take, for a server that you drive yourself."""
    from simulator.cli.app import output
    from simulator.cli.package_file import write_package

    write_package(file, image, size, version, model, seed, output)
