"""Single members of a zip archive, taken by their place in the file.

A stream per member, as `zipfile` opens, costs more than the bytes of a small data set; and a place
can be told to another process, which then need not read the archive's directory.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import IO, cast

__all__ = ["LARGEST", "Where", "beginning", "zip_info", "zip_where"]

Where = tuple[str | int, ...]
"""Where a member lies, as plain values; the first tells which kind of place it is."""
LARGEST = 16 << 20
"""Unpacked bytes of a member that is taken at once."""
_PACKED_AT_ONCE = 1 << 20
_UNUSUAL = 0x61
"""Flags of encryption and patched data."""
_UTF_8 = 0x800
_MAGIC = b"PK\x03\x04"
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_PACKED_SLACK = 256
"""Packed bytes beyond the wanted number, for the frames of data that does not compress."""


def zip_where(path: str, info: zipfile.ZipInfo) -> Where | None:
    """Where the packed bytes of a member lie, if it is small and of the usual kind."""
    if info.compress_size > _PACKED_AT_ONCE or info.file_size > LARGEST:
        return None
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return None
    return (
        "zip",
        path,
        info.file_size,
        info.orig_filename,
        info.header_offset,
        info.compress_size,
        info.compress_type,
        info.flag_bits,
        info.CRC,
    )


def zip_info(where: Where) -> zipfile.ZipInfo:
    """What `zip_where` took apart."""
    name, offset, packed, method, flags, crc = cast(
        "tuple[str, int, int, int, int, int]", where[3:]
    )
    info = zipfile.ZipInfo(name)
    info.orig_filename, info.file_size = name, int(where[2])
    info.header_offset, info.compress_size, info.compress_type = offset, packed, method
    info.flag_bits, info.CRC = flags, crc
    return info


def beginning(stream: IO[bytes], info: zipfile.ZipInfo, size: int) -> bytes | None:
    """The first `size` bytes of a zip member by its entry; `None` for what is out of the ordinary.

    Raises:
        OSError, ValueError, zlib.error, struct.error: If the archive is damaged there.
    """
    if info.flag_bits & _UNUSUAL:
        return None
    wanted = min(size, info.file_size)
    packed_size = min(info.compress_size, wanted + _PACKED_SLACK)
    if wanted == info.file_size:
        packed_size = info.compress_size
    if packed_size > _PACKED_AT_ONCE or wanted > LARGEST:
        return None
    packed = _packed(stream, info, packed_size)
    data = packed and _unpacked(packed, info.compress_type, wanted)
    if data is None or len(data) < wanted:
        return None
    if wanted == info.file_size and zlib.crc32(data) != info.CRC:
        return None
    return data


def _packed(stream: IO[bytes], info: zipfile.ZipInfo, size: int) -> bytes | None:
    """The first bytes of a member as stored, if its local header agrees with the directory."""
    stream.seek(info.header_offset)
    magic, name_size, extra_size = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
    data = stream.read(name_size + extra_size + size)
    name = info.orig_filename
    plain = info.flag_bits & _UTF_8 or name.isascii()
    if magic != _MAGIC or data[:name_size] != name.encode("utf-8" if plain else "cp437"):
        return None
    return data[name_size + extra_size :]


def _unpacked(packed: bytes, method: int, size: int) -> bytes | None:
    """Up to `size` bytes of stored or deflated data; `None` for another method."""
    if method == zipfile.ZIP_STORED:
        return packed[:size]
    if method == zipfile.ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, max(size, 1))[:size]
    return None
