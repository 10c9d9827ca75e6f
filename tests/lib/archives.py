"""Archives of many kinds, whole, broken and dishonest: functions that give octets.

Members are (name, octets)..., names text or octets.
"""
import bz2
import functools
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib


def octets_of(name):
    return name if isinstance(name, bytes) else name.encode()


def run(make, *members):
    """What a program makes of files in a folder: its file is "out"."""
    with tempfile.TemporaryDirectory() as folder:
        for name, octets in members:
            path = os.path.join(folder, "in", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(octets)
        subprocess.run(make, cwd=folder + "/in", check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        out = [n for n in os.listdir(folder) if n.startswith("out")]
        with open(os.path.join(folder, out[0]), "rb") as f:
            return f.read()


# --- zip ---

def zipped(*members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, octets in members:
            z.writestr(name, octets)
    return out.getvalue()


def by_zip(*members):
    return run(["zip", "-q", "-r", "../out.zip", "."], *members)


def zip_encrypted(*members):
    return run(["zip", "-q", "-r", "-P", "secret", "../out.zip", "."], *members)


def zip_aes(*members):
    return run(["7z", "a", "-tzip", "-psecret", "-mem=AES256", "../out.zip", "."], *members)


class Pipe(io.RawIOBase):
    """What is written to it cannot be gone back to."""

    def __init__(self):
        super().__init__()
        self.octets = b""

    def writable(self):
        return True

    def write(self, data):
        self.octets += bytes(data)
        return len(data)


def zip_streamed(*members):
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as z:
        for name, octets in members:
            z.writestr(name, octets)
    return pipe.octets


def local(name, octets, method=0, flags=0, packed=None, size=None):
    """A local header with its data, deflated if the method says so."""
    data = deflated(octets) if method == 8 else octets
    return struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, flags, method, 0, 33, zlib.crc32(octets),
                       len(data) if packed is None else packed, len(octets) if size is None else size,
                       len(octets_of(name)), 0) + octets_of(name) + data


def central(name, octets, at, method=0, flags=0, packed=None, size=None):
    data = deflated(octets) if method == 8 else octets
    return struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", 20, 20, flags, method, 0, 33, zlib.crc32(octets),
                       len(data) if packed is None else packed, len(octets) if size is None else size,
                       len(octets_of(name)), 0, 0, 0, 0, 0, at) + octets_of(name)


def end(members, directory, at, comment=b""):
    return struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, members, members, len(directory), at, len(comment)) + comment


@functools.lru_cache(4)
def deflated(octets):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(octets) + z.flush()


def zip_of(*members, before=b"", hidden=b"", comment=b"", **central_says):
    """By hand: `before` stands in front and `hidden` between the last member and the directory;
    central_says: what the directory has otherwise than the local headers."""
    body, places = b"", []
    for name, octets in members:
        places.append(len(before) + len(body))
        body += local(name, octets)
    body += hidden
    directory = b"".join(central(central_says.get("name", name), octets, at,
                                 **{k: v for k, v in central_says.items() if k != "name"})
                         for (name, octets), at in zip(members, places))
    return before + body + directory + end(len(members), directory, len(before) + len(body), comment)


def zip_overlapping(count, inner=b"\0" * 1000000):
    """Many names for one member's octets."""
    data = local("0", inner, method=8)
    directory = b"".join(central(f"{i}.txt", inner, 0, method=8) for i in range(count))
    return data + directory + end(count, directory, len(data))


def zip_escalating(count, octets=b"\0" * 1000000):
    """Each member's data are the header and data of the next one, quoted by a stored block of
    deflate: the more members, the more comes out of the same octets."""
    names = [f"{i}" for i in range(count)]
    body = local(names[-1], octets, method=8)
    size, packed = len(octets), len(body) - 30 - len(names[-1])
    entries = [(names[-1], packed, size, len(body))]
    for name in reversed(names[:-1]):
        quote = body[:30 + len(entries[-1][0])]
        block = struct.pack("<BHH", 0, len(quote), len(quote) ^ 0xffff) + quote
        packed += len(block)
        size += len(quote)
        header = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, 0, 8, 0, 33, 0, packed, size, len(name), 0) + name.encode()
        body = header + struct.pack("<BHH", 0, len(quote), len(quote) ^ 0xffff) + body
        entries.append((name, packed, size, len(body)))
    directory = b"".join(struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", 20, 20, 0, 8, 0, 33, 0, packed, size,
                                     len(name), 0, 0, 0, 0, 0, len(body) - length) + name.encode()
                         for name, packed, size, length in entries)
    return body + directory + end(count, directory, len(body))


# --- the others ---

def tarred(*members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for name, octets in members:
            info = tarfile.TarInfo(name)
            info.size = len(octets)
            t.addfile(info, io.BytesIO(octets))
    return out.getvalue()


def tar_gz(*members):
    return tarred(*members, mode="w:gz")


def tar_bz2(*members):
    return tarred(*members, mode="w:bz2")


def tar_xz(*members):
    return tarred(*members, mode="w:xz")


def two_tars(*members):
    """The second stands behind the end of the first."""
    return tarred(*members[:1]) + tarred(*members[1:])


def old_tar(*members):
    """Without a magic."""
    out = b""
    for name, octets in members:
        header = octets_of(name).ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % len(octets) \
            + b"00000000000\0" + b" " * 8 + b"0" + bytes(355)
        header = header[:148] + b"%06o\0 " % sum(header) + header[156:]
        out += header + octets + bytes(-len(octets) % 512)
    return out + bytes(1024)


def seven_zip(*members):
    return run(["7z", "a", "../out.7z", "."], *members)


def seven_zip_encrypted(*members):
    return run(["7z", "a", "-psecret", "-mhe=off", "../out.7z", "."], *members)


def seven_zip_headers(*members):
    return run(["7z", "a", "-psecret", "-mhe=on", "../out.7z", "."], *members)


def iso(*members, options=("-J", "-R")):
    return run(["genisoimage", "-quiet", *options, "-o", "../out.iso", "."], *members)


def cpio(*members):
    return run(["bsdtar", "-c", "-f", "../out.cpio", "--format=newc", "."], *members)


def ar(*members):
    return run(["bsdtar", "-c", "-f", "../out.ar", "--format=ar"] + [name for name, _ in members], *members)


def zstd_tar(*members):
    return run(["bsdtar", "-c", "-f", "../out.tar.zst", "--zstd", "."], *members)


def lz4_tar(*members):
    return run(["bsdtar", "-c", "-f", "../out.tar.lz4", "--lz4", "."], *members)


def lzma_tar(*members):
    return lzma.compress(tarred(*members), lzma.FORMAT_ALONE)


def cab(*members):
    """Nothing is compressed."""
    data = b"".join(octets for _, octets in members)
    files, at = b"", 0
    for name, octets in members:
        files += struct.pack("<LLHHHH", len(octets), at, 0, 0x21, 0, 0x20) + octets_of(name) + b"\0"
        at += len(octets)
    blocks = [data[i:i + 32768] for i in range(0, len(data), 32768)]
    start = 36 + 8 + len(files)
    body = b"".join(struct.pack("<LHH", 0, len(b), len(b)) + b for b in blocks)
    folder = struct.pack("<LHH", start, len(blocks), 0)
    return struct.pack("<4sLLLLLBBHHHHH", b"MSCF", 0, start + len(body), 0, 44, 0, 3, 1, 1, len(members), 0, 1, 0) \
        + folder + files + body


def crc16(octets):
    crc = 0
    for o in octets:
        crc ^= o
        for _ in range(8):
            crc = crc >> 1 ^ 0xa001 if crc & 1 else crc >> 1
    return crc


def lha(*members):
    """Level 0, nothing compressed."""
    out = b""
    for name, octets in members:
        header = b"-lh0-" + struct.pack("<LLLBBB", len(octets), len(octets), 0, 0x20, 0, len(octets_of(name))) \
            + octets_of(name) + struct.pack("<H", crc16(octets))
        out += bytes([len(header), sum(header) & 0xff]) + header + octets
    return out + b"\0"


def rar_block(kind, flags, rest, data=b""):
    header = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
    return struct.pack("<H", zlib.crc32(header) & 0xffff) + header + data


def rar(*members, flags=0, locked=False):
    """RAR 4, nothing compressed.  flags 0x80: the headers are encrypted."""
    out = b"Rar!\x1a\7\0" + rar_block(0x73, flags, bytes(6))
    if flags & 0x80:
        return out + os.urandom(200)
    for name, octets in members:
        rest = struct.pack("<LLBLLBBHL", len(octets), len(octets), 3, zlib.crc32(octets), 0, 20, 0x30,
                           len(octets_of(name)), 0o644) + octets_of(name)
        out += rar_block(0x74, 0x8004 if locked else 0x8000, rest, octets)
    return out + rar_block(0x7b, 0x4000, b"")


def rar_encrypted(*members):
    return rar(*members, locked=True)


def rar_headers(*members):
    return rar(*members, flags=0x80)


def vint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def rar5_block(*fields, data=b"", rest=b""):
    header = b"".join(vint(f) if isinstance(f, int) else f for f in fields) + rest
    header = vint(len(header)) + header
    return struct.pack("<L", zlib.crc32(header)) + header + data


def rar5(*members):
    """Nothing is compressed."""
    out = b"Rar!\x1a\7\1\0" + rar5_block(1, 0, 0)
    for name, octets in members:
        out += rar5_block(2, 2, len(octets), 4, len(octets), 0o644, struct.pack("<L", zlib.crc32(octets)), 0, 1,
                          len(octets_of(name)), octets_of(name), data=octets)
    return out + rar5_block(5, 0, 0)


def rar5_headers(*members):
    """Of encrypted headers there is a block that says so, and noise."""
    return b"Rar!\x1a\7\1\0" + rar5_block(4, 0, 0, 0, b"\x0f" + bytes(16)) + os.urandom(200)


def gz(octets, name=None):
    out = io.BytesIO()
    with gzip.GzipFile(name or "", "wb", fileobj=out) as g:
        g.write(octets)
    return out.getvalue()


def bz(octets):
    return bz2.compress(octets)


def xz(octets):
    return lzma.compress(octets)


# --- bombs ---

def nest(octets, depth, name="x.exe", wrap=zipped):
    for i in range(depth):
        octets = wrap((name if i == 0 else f"l{i}.zip", octets))
    return octets


def forty_two(width=16, depth=5, size=1 << 20):
    """As 42.zip is: each holds `width` of the next, to the last that is nothing but zeros."""
    octets = zipped(("0.dll", bytes(size)))
    for i in range(depth):
        octets = zipped(*[(f"lib {i} {k}.zip", octets) for k in range(width)])
    return octets


# --- a zip whose one member is itself, octet by octet ---
#
# A deflate stream that unpacks to the whole file is a program of two instructions, each UNIT octets
# long: literal(n), which writes the n octets behind it, and repeat(n), which writes the last n octets
# again.  The file is a head and a tail that cannot be chosen, with a program between that writes all
# three; the sum is in the file too, and the one solution of a linear equation.

UNIT = 20
NOTHING = b"\0\0\0\xff\xff"        # a stored block of no octets
LENGTHS = ((35, 3), (43, 3), (51, 3), (59, 3), (67, 4), (83, 4), (99, 4), (115, 4), (131, 5))
DISTANCES = ((33, 4), (49, 4), (65, 5), (97, 5), (129, 6))


def literal(n):
    return NOTHING * 3 + struct.pack("<BHH", 0, n, n ^ 0xffff)


def repeat(n):
    """A block of fixed codes with one match, and as many empty blocks as fill the unit."""
    length = max(i for i, (base, _) in enumerate(LENGTHS) if base <= n)
    distance = max(i for i, (base, _) in enumerate(DISTANCES) if base <= n)
    # Of lengths the codes have seven bits up to the seventh of these, and eight from there.
    code, width = (273 - 256 + length, 7) if length < 7 else (0xc0 + length - 7, 8)
    match = [code >> i & 1 for i in reversed(range(width))]
    match += [n - LENGTHS[length][0] >> i & 1 for i in range(LENGTHS[length][1])]
    match += [10 + distance >> i & 1 for i in reversed(range(5))]
    match += [n - DISTANCES[distance][0] >> i & 1 for i in range(DISTANCES[distance][1])]
    for empty in range(8):
        bits = [0, 1, 0] + match + [0] * 7 + ([0, 1, 0] + [0] * 7) * empty + [0] * 3
        bits += [0] * (-len(bits) % 8)
        octets = bytes(sum(bit << i for i, bit in enumerate(bits[k:k + 8])) for k in range(0, len(bits), 8)) + NOTHING[1:]
        if len(octets) <= UNIT and len(octets) % 5 == 0:
            return octets + NOTHING * ((UNIT - len(octets)) // 5)
    raise AssertionError(f"no unit for {n}")


def quine():
    name, comment = b"q", b""
    head_size = 30 + len(name)
    tail_size = 5 + 46 + len(name) + 22
    comment = b"-" * (-(UNIT + tail_size) % (2 * UNIT))
    data = UNIT + tail_size + len(comment)

    def build(crc):
        # Sizes do not depend on the sum: made twice, the second time with what the first one had.
        size = packed = 0
        for _ in range(2):
            head = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, 0, 8, 0, 33, crc, packed, size, len(name), 0) + name
            tail = b"\1\0\0\xff\xff" + struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, packed, size,
                                                   len(name), 0, 0, 0, 0, 0, 0) + name
            tail += struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, 46 + len(name),
                                size - 22 - len(comment) - 46 - len(name) if size else 0, len(comment)) + comment
            first, one = literal(head_size + UNIT), literal(UNIT)
            again = repeat(head_size + UNIT)
            both = literal(data)
            period = again + one + one + both
            turn = repeat(4 * UNIT) + both
            out = head + first + head + first + again + one + again + one + one
            out += both + (period * data)[:data] + repeat(4 * UNIT)
            out += both + (turn * data)[:data] + repeat(4 * UNIT)
            out += both + repeat(data) + tail + repeat(data) + tail
            size, packed = len(out), len(out) - len(head) - (len(tail) - 5)
        return out

    # The sum of the whole, less that with 0 for it, is linear in what stands for it.
    base = zlib.crc32(build(0))
    rows = [(zlib.crc32(build(1 << i)) ^ base ^ 1 << i, 1 << i) for i in range(32)]
    wanted, crc = base, 0
    for bit in reversed(range(32)):
        at = next((i for i, (left, _) in enumerate(rows) if left >> bit & 1), None)
        if at is None:
            continue
        left, right = rows.pop(at)
        rows = [(a ^ left, b ^ right) if a >> bit & 1 else (a, b) for a, b in rows]
        if wanted >> bit & 1:
            wanted, crc = wanted ^ left, crc ^ right
    octets = build(crc)
    assert zlib.crc32(octets) == crc
    return octets
