"""Files of text, packed or not: their bytes, their encoding, and a copy in UTF-8 where the engine needs one."""

from __future__ import annotations

import codecs
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from churn.errors import InvalidData
from churn.sources.locate import ZIPPED, packing

HEAD = 1 << 18  # bytes that are looked at for separator and header
BLOCK = 1 << 23
COMPRESSION = {".gz": "gzip", ".zst": "zstd"}
WESTERN = "cp1252"  # what European exports are in where they are not Unicode; holds all of Latin-1


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """The bytes of a file as they were before packing. Raises InvalidData for a zip with more than one file in it."""
    if packing(file) == ZIPPED:
        with zipfile.ZipFile(file) as archive, archive.open(_only_member(file, archive)) as stream:
            yield stream
    elif packing(file):
        with pa.input_stream(str(file), compression=COMPRESSION[packing(file)]) as stream:
            yield stream
    else:
        with open(file, "rb") as stream:
            yield stream


def encoding_of(file: Path) -> str:
    """ascii, utf-8 or utf-16 where all bytes are that, cp1252 where most of what is not ASCII cannot be UTF-8."""
    with opened(file) as stream:
        head = stream.read(HEAD)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if head[1::2].count(0) > len(head) / 4:
            return "utf-16-le"
        if head[::2].count(0) > len(head) / 4:
            return "utf-16-be"
        ascii_only = True
        for lines in _whole_lines(stream, head):
            if not lines.isascii() and (found := _encoding_of_lines(lines)) != "utf-8":
                return found
            ascii_only = ascii_only and lines.isascii()
    return "ascii" if ascii_only else "utf-8"


def head_of(file: Path, encoding: str) -> str:
    """The first lines of a file as text, whole ones."""
    with opened(file) as stream:
        head = stream.read(HEAD)
        whole = not stream.read(1)
    text = codecs.getincrementaldecoder(_reading(encoding))("replace").decode(head)
    return text if whole else text[: text.rfind("\n") + 1] or text


def in_utf8(file: Path, encoding: str, scratch: Path, *, head: bool) -> Path:
    """The file itself where the engine can read it, else a copy: unpacked, in UTF-8; only its head where that will do.

    Raises InvalidData where its bytes are not in `encoding`.
    """
    if encoding == "utf-8" and packing(file) != ZIPPED:
        return file
    place = scratch / f"{len(list(scratch.iterdir()))}-{file.name}.csv"
    errors = "surrogateescape" if encoding == "utf-8" else "strict"  # the engine rejects lines that are no UTF-8
    _refuse_utf8(file, encoding)
    with opened(file) as stream, open(place, "w", encoding="utf-8", errors=errors, newline="") as copy:
        text = io.TextIOWrapper(stream, encoding=_reading(encoding), errors=errors, newline="")
        try:
            while block := text.read(BLOCK):
                copy.write(block)
                if head:
                    break
        except UnicodeDecodeError as error:
            raise InvalidData(f"{file}: is not in {encoding} ({error.reason}); correct format.encoding") from error
    return place


def _refuse_utf8(file: Path, encoding: str) -> None:
    """UTF-8 can be read as any encoding of single bytes, with other letters: `Ã©`. The reverse hardly happens."""
    if codecs.lookup(encoding).name.startswith(("utf", "ascii")):
        return
    with opened(file) as stream:
        head = stream.read(HEAD)
    with suppress(UnicodeDecodeError):
        if not codecs.getincrementaldecoder("utf-8")().decode(head).isascii():
            raise InvalidData(f"{file}: is in utf-8 and not in {encoding}; correct format.encoding")


def _reading(encoding: str) -> str:
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _only_member(file: Path, archive: zipfile.ZipFile) -> str:
    names = [n for n in archive.namelist() if not n.endswith("/") and not any(part[0] in "._" for part in n.split("/"))]
    if len(names) != 1:
        shown = ", ".join(names[:3]) or "nothing"
        raise InvalidData(f"{file}: a zip with one file in it can be read, this one holds {shown}; unpack it")
    return names[0]


def _whole_lines(stream: BinaryIO, rest: bytes) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        cut = block.rfind(b"\n") + 1
        yield rest + block[:cut]
        rest = block[cut:]
    yield rest


def _encoding_of_lines(lines: bytes) -> str:
    if _is_utf8(lines):
        return "utf-8"
    marked = [line for line in lines.split(b"\n") if not line.isascii()]
    return "utf-8" if sum(map(_is_utf8, marked)) >= len(marked) / 2 else WESTERN


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False
