"""``lwm2m-fleet package``: a package file that virtual devices take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic_core import PydanticCustomError
from rich.markup import escape

from simulator.cli.failure import USAGE, CommandFailedError
from simulator.firmware import PackageError, build, generate, parse_header
from simulator.scenario.units import SIZE

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

DEFAULT_SIZE: Final = "64KiB"


def write_package(
    file: Path, image: Path | None, size: str | None, version: str, model: str, seed: int, console: Console
) -> None:
    """Write a package: an image with its header, or contents that follow from the seed.

    Raises:
        CommandFailedError: size, version or model cannot be, or a file cannot be read or written.
    """
    if image is not None and size is not None:
        raise CommandFailedError("--size and --image exclude each other; drop one of the two", USAGE)
    try:
        if image is None:
            content = generate(int(SIZE.parse(size or DEFAULT_SIZE)), model, version, seed)
        else:
            content = build(model, version, _bare(image))
        file.write_bytes(content)
    except PydanticCustomError as error:
        msg = f"--size: {error.message()}"
        raise CommandFailedError(msg, USAGE) from None
    except ValueError as error:
        raise CommandFailedError(str(error), USAGE) from None
    except OSError as error:
        msg = f"{error.filename}: {error.strerror}"
        raise CommandFailedError(msg, USAGE) from None
    console.print(f"{escape(str(file))}: {len(content):,} bytes, version {escape(version)}, for model {escape(model)}")


def _bare(image: Path) -> bytes:
    content = image.read_bytes()
    try:
        header = parse_header(content)
    except PackageError:
        return content
    msg = f"{image}: a package already, version {header.version} for model {header.model}"
    raise ValueError(msg)
