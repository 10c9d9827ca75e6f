"""Files with EICAR in them: archives, compressed files, documents.  Each a function that gives its octets."""
import base64
import bz2
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

from eicar import EICAR


def zip_of(members, method=zipfile.ZIP_DEFLATED):
    """members: (name, octets)..."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, octets in members:
            z.writestr(name, octets)
    return out.getvalue()


def zipped(method=zipfile.ZIP_DEFLATED, name="eicar.com"):
    return zip_of([(name, EICAR)], method)


def zip_nested(depth):
    octets = EICAR
    for i in range(depth):
        octets = zip_of([("eicar.com" if i == 0 else "in%d.zip" % i, octets)])
    return octets


def zip_many(count):
    return zip_of([("f%d.txt" % i, b"nothing here %d\n" % i) for i in range(count)] + [("z.com", EICAR)])


def zip_streamed():
    """Sizes stand behind the data (a data descriptor), as a program writes that cannot seek."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            super().__init__()
            self.octets = b""

        def writable(self):
            return True

        def write(self, data):
            self.octets += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("eicar.com", EICAR)
    return pipe.octets


def zip_other_name():
    """The central directory calls the file by another name than the file's own header."""
    octets = zipped(name="eicar.com")
    at = octets.index(b"PK\x01\x02")
    return octets[:at] + octets[at:].replace(b"eicar.com", b"notes.txt")


def zip_two(method):
    """The first member is one that every program unpacks."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("notes.txt", b"nothing to see")
        z.writestr("eicar.com", EICAR, method)
    return out.getvalue()


def zip_ppmd():
    """Method 98; what 7-Zip makes of the string."""
    packed = base64.b64decode("BwBX3G5Sfq5ETzXTcwW5NjN0P27sZOFSyBRzFSXX+KMXwvjen1D63bhLJ8A0"
                              "cY0+lN1wsLus4AIRZOyLUpG7uP4WAA==")
    sizes = struct.pack("<III", zlib.crc32(EICAR), len(packed), len(EICAR))
    head = b"PK\3\4" + struct.pack("<HHHI", 63, 0, 98, 0) + sizes + struct.pack("<HH", 9, 0) + b"eicar.com"
    entry = (b"PK\1\2" + struct.pack("<HHHHI", 63, 63, 0, 98, 0) + sizes + struct.pack("<HHHHHII", 9, 0, 0, 0, 0, 0, 0) +
             b"eicar.com")
    return head + packed + entry + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(head) + len(packed), 0)


def zip_directory_of_one():
    """Only the first of two members is in the directory."""
    octets = zip_two(zipfile.ZIP_DEFLATED)
    first = octets.index(b"PK\1\2")
    entry = octets[first:octets.index(b"PK\1\2", first + 4)]
    return octets[:first] + entry + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), first, 0)


def beyond_libclamav():
    """ZIP archives that other programs unpack, and libclamav not, or not wholly, without a word: (name, octets)..."""
    two, streamed = zip_two(zipfile.ZIP_DEFLATED), zip_streamed()
    lzma_two = zip_two(zipfile.ZIP_LZMA)
    document = io.BytesIO()
    with zipfile.ZipFile(document, "w") as z:
        z.writestr("[Content_Types].xml", b'<?xml version="1.0"?><Types/>')
        z.writestr("word/document.xml", b'<?xml version="1.0"?><w:document/>')
        z.writestr("word/vbaProject.bin", EICAR, zipfile.ZIP_LZMA)
    return [
        ("lzma", zipped(zipfile.ZIP_LZMA)),
        ("lzma-beside-others", lzma_two),
        ("ppmd", zip_ppmd()),
        ("in-zip", zip_of([("notes.txt", b"x"), ("in.zip", lzma_two)])),
        ("in-tar-gz", gzip.compress(tarred(content=lzma_two))),
        ("behind-something", b"#!/bin/sh\nexit\n" + lzma_two),
        ("in-office", document.getvalue()),
        ("no-directory", two[:two.index(b"PK\1\2")]),
        ("no-end", two[:two.index(b"PK\5\6")]),
        ("streamed-no-directory", streamed[:streamed.index(b"PK\1\2")]),
        ("directory-of-one", zip_directory_of_one()),
        ("directory-elsewhere", two[:-6] + struct.pack("<IH", 5, 0)),
    ]


def zip_encrypted():
    """PKWARE's old encryption, which every unzip knows."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc_step(crc, octet):
        return (zlib.crc32(bytes([octet]), crc ^ 0xffffffff) ^ 0xffffffff) & 0xffffffff

    def update(octet):
        keys[0] = crc_step(keys[0], octet)
        keys[1] = (keys[1] + (keys[0] & 0xff)) * 134775813 + 1 & 0xffffffff
        keys[2] = crc_step(keys[2], keys[1] >> 24)

    def encrypt(octet):
        k = keys[2] & 0xffff | 2
        out = octet ^ (k * (k ^ 1) >> 8 & 0xff)
        update(octet)
        return out

    for c in b"secret":
        update(c)
    crc = zlib.crc32(EICAR)
    data = bytes(encrypt(c) for c in bytes(11) + bytes([crc >> 24]) + EICAR)
    name = b"eicar.com"
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 1, 0, 0, 33, crc, len(data), len(EICAR), len(name), 0) + name
    central = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 1, 0, 0, 33, crc, len(data), len(EICAR), len(name),
                          0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local) + len(data), 0)
    return local + data + central + end


def zip_big(size):
    """A member of `size` zeros in front."""
    return zip_of([("zeros", bytes(size)), ("eicar.com", EICAR)])


def tarred(mode="w", form=tarfile.PAX_FORMAT, content=EICAR):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as t:
        info = tarfile.TarInfo("folder/eicar.com")
        info.size = len(content)
        t.addfile(info, io.BytesIO(content))
    return out.getvalue()


def cpio():
    """newc."""

    def entry(name, octets):
        head = b"070701" + b"".join(b"%08X" % n for n in (1, 0o100644, 0, 0, 1, 0, len(octets), 0, 0, 0, 0,
                                                           len(name) + 1, 0)) + name + b"\0"
        return head + bytes(-len(head) % 4) + octets + bytes(-len(octets) % 4)

    return entry(b"eicar.com", EICAR) + entry(b"TRAILER!!!", b"")


def ar():
    return b"!<arch>\n" + b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (b"eicar.com/", 0, 0, 0, b"100644", len(EICAR)) + EICAR


def in_a_file(use):
    """use(FOLDER) with a file eicar.com in it."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "eicar.com"), "wb") as f:
            f.write(EICAR)
        return use(folder)


def seven_zip(password=None):
    """Written by py7zr."""
    import py7zr

    def write(folder):
        out = io.BytesIO()
        with py7zr.SevenZipFile(out, "w", password=password) as z:
            z.write(os.path.join(folder, "eicar.com"), "eicar.com")
        return out.getvalue()

    return in_a_file(write)


def bsdtar(form):
    """Written by libarchive's tar: iso9660, xar, 7zip, ..."""
    return in_a_file(lambda folder: subprocess.run(
        ["bsdtar", "-c", "-f", "-", "--format", form, "-C", folder, "eicar.com"], capture_output=True,
        check=True).stdout)


def gzip_two():
    """Two members, and EICAR is in the second; readers see one file."""
    return gzip.compress(b"") + gzip.compress(EICAR)


def docx():
    """The least that is taken for a Word document, and a file embedded in it."""
    return zip_of([("[Content_Types].xml", b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/'
                    b'package/2006/content-types"></Types>'),
                   ("word/document.xml", b'<?xml version="1.0"?><w:document/>'),
                   ("word/embeddings/eicar.com", EICAR)])


def pdf():
    """A compressed stream."""
    data = zlib.compress(EICAR)
    body = b"%PDF-1.4\n"
    at = []
    for n, obj in enumerate([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>",
                             b"<</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream" % (len(data), data)], 1):
        at.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (n, obj)
    xref = len(body)
    body += b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % n for n in at)
    return body + b"trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % xref


def tnef():
    """winmail.dat with one attachment."""

    def attribute(level, name, data):
        return struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xffff)

    return (struct.pack("<IH", 0x223e9f78, 1) + attribute(1, 0x00089006, struct.pack("<I", 0x10000)) +
            attribute(1, 0x00078008, b"IPM.Microsoft Mail.Note\0") +
            attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0, 32, 32, 0)) +
            attribute(2, 0x00018010, b"eicar.com\0") + attribute(2, 0x0006800f, EICAR))


def rtf():
    """An embedded file (an OLE package)."""
    package = (struct.pack("<H", 2) + b"eicar.com\0" + b"C:\\eicar.com\0" + struct.pack("<HH", 0, 3) +
               struct.pack("<I", 13) + b"C:\\eicar.com\0" + struct.pack("<I", len(EICAR)) + EICAR)
    ole = (struct.pack("<II", 0x501, 2) + struct.pack("<I", 8) + b"Package\0" + struct.pack("<II", 0, 0) +
           struct.pack("<I", len(package)) + package)
    return b"{\\rtf1\\ansi hello {\\object\\objemb{\\*\\objdata " + ole.hex().encode() + b"}}}"


def html_entities():
    return b"<html><body>" + b"".join(b"&#%d;" % c for c in EICAR) + b"</body></html>\n"


def pkcs7():
    """What an opaque signed message begins with: EICAR as the content of SignedData."""

    def der(tag, content):
        n = len(content)
        return bytes([tag]) + (bytes([n]) if n < 128 else bytes([0x81, n])) + content

    data = bytes.fromhex("2a864886f70d010701")
    signed = bytes.fromhex("2a864886f70d010702")
    content = der(0x30, der(6, data) + der(0xa0, der(4, EICAR)))
    inner = der(0x30, der(2, b"\1") + der(0x31, b"") + content + der(0x31, b""))
    return der(0x30, der(6, signed) + der(0xa0, inner))


GZ = gzip.compress(EICAR)
BZ2 = bz2.compress(EICAR)
XZ = lzma.compress(EICAR)
LZMA_ALONE = lzma.compress(EICAR, lzma.FORMAT_ALONE)
