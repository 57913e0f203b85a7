"""Archives that are bombs, lie, are damaged or locked: one clear refusal each, and bounded memory."""

import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.archives import Member, Refused, members
from retrieval.limits import Limits

ZIP, TAR, GZIP, XZ = "application/zip", "application/x-tar", "application/gzip", "application/x-xz"
SMALL = Limits(max_bytes=1_000_000, max_unpacked_bytes=3_000_000, max_members=20, max_depth=2)


def zipped(*files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return packed.getvalue()


def tarred(*files, mode="w"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in files:
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return packed.getvalue()


def read(data, kind=ZIP, limits=SMALL, password=None):
    return list(members(data, "a.zip", limits, kind, password))


def the_end(found):
    """The refusal of the archive itself, which comes last."""
    assert isinstance(found[-1], Refused)
    assert found[-1].name == "a.zip"
    return found[-1].reason


def test_a_member_that_is_too_large_is_refused_and_the_others_are_read():
    found = read(zipped(("big.txt", b"x" * 1_000_001), ("good.txt", b"Good.")))
    assert "is larger than 1 MB" in found[0].reason
    assert found[1:] == [Member("a.zip/good.txt", b"Good.")]


def test_number_of_members():
    files = [(f"{number}.txt", b"x") for number in range(21)]
    assert len(read(zipped(*files[:20]))) == 20
    found = read(zipped(*files))
    assert len(found) == 1  # a zip says how many it holds
    assert len(read(tarred(*files), TAR)) == 21  # a tar does not
    assert the_end(found) == "a.zip holds more than 20 files; split it and add the parts."
    nested = zipped(*((f"{number}.zip", zipped(("a.txt", b"x"), ("b.txt", b"x"))) for number in range(8)))
    assert "more than 20 files" in the_end(read(nested))


def test_what_a_zip_says_to_unpack_to_is_believed_if_it_is_too_much():
    data = zipped(*((f"{number}.txt", bytes(900_000)) for number in range(5)))
    assert [type(member) for member in read(data)] == [Refused]
    assert "unpacks to more than 3 MB" in the_end(read(data))


def test_expansion_is_counted_over_nested_archives():
    inner = zipped(("zeros.txt", bytes(900_000)))
    bomb = zipped(*((f"{number}.zip", inner) for number in range(10)))
    assert len(bomb) < 15_000
    found = read(bomb)
    assert sum(isinstance(member, Member) for member in found) == 3
    assert "too much for its size" in the_end(found)
    dense = Limits(max_expansion=50)
    assert "unpacks to more than 16 MB" in the_end(read(gzip.compress(bytes(17_000_000)), GZIP, dense))


def test_entries_that_overlap_are_counted_each():
    data = zipped(("a.txt", bytes(900_000)))
    directory = data.index(b"PK\x01\x02")
    entry, end = data[directory : data.index(b"PK\x05\x06")], data[data.index(b"PK\x05\x06") :]
    count = 10
    end = end[:8] + struct.pack("<HHI", count, count, count * len(entry)) + end[16:]
    assert "unpacks to more than 3 MB" in the_end(read(data[:directory] + entry * count + end))


def test_archives_in_each_other_end_at_some_depth():
    data = b"The innermost."
    for number in range(60):
        data = zipped((f"{number}.zip" if number else "a.txt", data))
    (found,) = read(data)
    assert found.name == "a.zip/59.zip/58.zip"
    assert "lies deeper than 2 archives" in found.reason


@pytest.mark.parametrize(("pack", "kind"), [(gzip.compress, GZIP), (lzma.compress, XZ)])
def test_memory_is_bounded(pack, kind):
    bomb = pack(bytes(20_000_000))
    tracemalloc.start()
    try:
        found = read(bomb, kind)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found[-1], Refused)
    assert peak < 16_000_000


def test_what_is_passed_over_in_a_stream_counts_too():
    bomb = tarred((".hidden", bytes(20_000_000)), ("a.txt", b"x"), mode="w:gz")
    assert "unpacks to more than 3 MB" in the_end(read(bomb, GZIP))


def test_a_sparse_member_is_read_no_further_than_allowed():
    item = tarfile.TarInfo("sparse.txt")
    item.type, item.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(item.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"%011o\0" % (8 << 30)  # its size without the holes
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (refused,) = read(bytes(header) + bytes(1024), TAR)
    assert "is larger than 1 MB" in refused.reason


@given(cut=st.integers(1, 4000))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize(("mode", "kind"), [("w", TAR), ("w:gz", GZIP), ("w:xz", XZ), ("zip", ZIP)])
def test_nothing_is_missing_from_a_cut_archive_without_being_said(mode, kind, cut):
    files = [(f"{number}.txt", bytes([65 + number]) * 700) for number in range(3)]
    data = zipped(*files) if mode == "zip" else tarred(*files, mode=mode)
    found = read(data[:-cut], kind)
    whole = [Member(f"a.zip/{name}", content) for name, content in files]
    intact = [member for member in found if isinstance(member, Member)]
    assert intact == whole[: len(intact)]
    assert intact == whole or isinstance(found[-1], Refused)


@given(st.binary(max_size=2000), st.sampled_from([ZIP, TAR, GZIP, XZ, "application/x-bzip2", "message/rfc822"]))
@settings(max_examples=150, deadline=None)
def test_random_bytes_are_refused_not_raised(data, kind):
    for found in read(data, kind):
        assert isinstance(found, Refused) or kind == "message/rfc822"


def test_a_damaged_member_is_named():
    data = zipped(("a.txt", b"Some words. " * 100), ("b.txt", b"Others."))
    broken = data[:40] + b"\xff\xff\xff" + data[43:]
    found = read(broken)
    assert "a.zip/a.txt is damaged" in found[0].reason
    assert found[1] == Member("a.zip/b.txt", b"Others.")


def encrypted_zip(password, content, method=0):
    """A zip of one stored member, in the encryption of APPNOTE 6.3.10, section 6.1."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def step(byte):
        keys[0] = zlib.crc32(bytes([byte]), keys[0] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = zlib.crc32(bytes([keys[1] >> 24]), keys[2] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def encrypt(byte):
        mask = keys[2] | 2
        encrypted = byte ^ (((mask * (mask ^ 1)) >> 8) & 0xFF)
        step(byte)
        return encrypted

    for byte in password:
        step(byte)
    crc = zlib.crc32(content)
    data = bytes(map(encrypt, bytes(11) + bytes([crc >> 24]) + content))
    fields = struct.pack("<HHHHHIIIHH", 20, 1, method, 0, 33, crc, len(data), len(content), 5, 0)
    local = b"PK\x03\x04" + fields + b"a.txt" + data
    directory = b"PK\x01\x02\x14\x00" + fields + bytes(14) + b"a.txt"
    return local + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(local), 0)


def test_an_encrypted_member_needs_its_password():
    data = encrypted_zip(b"k\xc3\xa9y", b"A secret.")
    assert read(data, password="kéy") == [Member("a.zip/a.txt", b"A secret.")]
    assert read(data) == [Refused("a.zip/a.txt", "a.txt is encrypted; give its password.")]
    assert "does not open it" in read(data, password="other")[0].reason
    assert "save it without a password" in read(encrypted_zip(b"key", b"x", method=99), password="key")[0].reason
