"""Reading a body that may be hostile: streamed, and never more than 64 KiB of it in memory, packed or unpacked."""

import zlib

from monitor.provider.fields import UnclearError
from monitor.provider.http import httpx

_CAP = 64 * 1024
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_BARE_DEFLATE = -zlib.MAX_WBITS
_TOO_LONG = "the answer is longer than 64 KiB"


async def read(response: httpx.Response) -> bytes:
    """Return the whole body, unpacked; UnclearError when it is too long or cannot be unpacked."""
    parts, size = [], 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > _CAP:
            raise UnclearError(_TOO_LONG)
        parts.append(part)
    return _unpack(b"".join(parts), response.headers.get("content-encoding", ""))


def _unpack(packed: bytes, encoding: str) -> bytes:
    """Undo what the server did although it was asked for ``identity``."""
    match encoding.strip().lower():
        case "" | "identity":
            return packed
        case "gzip" | "x-gzip":
            return _inflate(packed, _GZIP_OR_ZLIB)
        case "deflate":  # meant is zlib's format, but some send it without its frame
            framed = packed[:1] and packed[0] & 0x0F == zlib.DEFLATED
            return _inflate(packed, _GZIP_OR_ZLIB if framed else _BARE_DEFLATE)
        case _:
            raise UnclearError("the answer is packed in a way that was not asked for")


def _inflate(packed: bytes, wbits: int) -> bytes:
    stream = zlib.decompressobj(wbits)
    try:
        content = stream.decompress(packed, _CAP + 1)
    except zlib.error:
        raise UnclearError("the answer cannot be unpacked") from None
    if len(content) > _CAP:
        raise UnclearError(_TOO_LONG)
    if not stream.eof:
        raise UnclearError("the answer cannot be unpacked")
    return content
