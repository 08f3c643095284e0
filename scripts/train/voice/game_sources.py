"""Speech of old adventure games that Debian ships: Flight of the Amazon Queen, Drascula, Beneath a Steel Sky.

In: a game's files. Out: (speaker, name, wave at 16 kHz) one by one. All three are acted dialogue recorded at 8 bit
and about 11 kHz. Beneath a Steel Sky packs its lines with RNC ProPack (method 1), which `unpacked` undoes.
"""

import re
import struct
import zlib

import numpy as np
from scipy.signal import resample_poly

from codecs_ffmpeg import decoded_file

SLOW_RATE, SHORTEST = 11_025, 24_000


def from_bytes(data):
    """Unsigned 8-bit samples at 11 025 Hz in, float32 at 16 kHz out, the silence at both ends cut to 50 ms."""
    wave = np.frombuffer(data, dtype=np.uint8).astype(np.float32) / 128 - 1
    loud = np.flatnonzero(np.abs(wave) > 0.03)
    if not len(loud):
        return np.zeros(0, dtype=np.float32)
    wave = wave[max(0, loud[0] - 550) : loud[-1] + 550]
    return resample_poly(wave, 640, 441).astype(np.float32)


def queen_lines(path):
    """Lines of Flight of the Amazon Queen: `queen.1c` holds them as MP3; J is the hero."""
    data = path.read_bytes()
    entries = [match.start() for match in re.finditer(rb"[0-9]{6}[A-Z][0-9]\.SB", data[:400_000])]
    for place in sorted(entries, key=lambda place: zlib.crc32(data[place : place + 12])):
        name = data[place : place + 8].decode()
        offset, size = struct.unpack(">II", data[place + 13 : place + 21])
        speaker = f"queen_{name[6]}" + ("" if name[6] == "J" else name[:2])
        if size >= 6000:
            yield speaker, name, lambda: decoded_file("-", data[offset : offset + size])


def drascula_lines(folder):
    """Lines of Drascula: one file each; the letters before the number tell the speaker, none is the hero."""
    for path in sorted(folder.glob("*.ALS"), key=lambda path: zlib.crc32(path.name.encode())):
        letters = re.match(r"[A-Z]*", path.stem)[0]
        yield f"drascula_{letters or 'hero'}", path.name, lambda path=path: from_bytes(path.read_bytes())


def sky_lines(folder):
    """Lines of Beneath a Steel Sky: files 50 000 and above of `sky.dsk`; a hundred of them count as one speaker."""
    index, disk = (folder / "sky.dnr").read_bytes(), (folder / "sky.dsk").read_bytes()
    for place in range(4, len(index) - 7, 8):
        number, where = struct.unpack("<HI", index[place : place + 6])
        if not 50_000 <= number < 56_000:
            continue
        offset = (where & 0x7FFFFF) << (4 if where & 0x800000 else 0)
        size = int.from_bytes(index[place + 5 : place + 8], "little") & 0x3FFFFF
        packed = disk[offset + 22 : offset + size]
        if packed[:4] == b"RNC\x01":
            yield f"sky_{number // 100}", f"sky{number}", lambda packed=packed: from_bytes(unpacked(packed))


class Bits:
    """Reads bits from words of 16, lowest first; whole bytes lie between the words."""

    def __init__(self, data, place):
        self.data, self.place, self.held, self.count = data, place, 0, 0

    def peek(self):
        """At least the next 16 bits, without taking them."""
        word = int.from_bytes(self.data[self.place : self.place + 2], "little")
        return self.held | word << self.count

    def take(self, count):
        """The next `count` bits as a number."""
        if count > self.count:
            self.held = self.peek()
            self.place, self.count = self.place + 2, self.count + 16
        value = self.held & ((1 << count) - 1)
        self.held, self.count = self.held >> count, self.count - count
        return value

    def raw(self, count):
        """The next whole bytes."""
        self.place += count
        return self.data[self.place - count : self.place]


def code_table(bits):
    """Reads a Huffman table: [(mask, code, length, value)], short codes first."""
    lengths, table, code = [bits.take(4) for _ in range(bits.take(5))], [], 0
    for length in range(1, 17):
        for value, own in enumerate(lengths):
            if own == length:
                turned = int(format(code >> (16 - length), f"0{length}b")[::-1], 2)
                table.append(((1 << length) - 1, turned, length, value))
                code += 1 << (16 - length)
    return table


def coded_number(bits, table):
    """The next number by a Huffman table."""
    seen = bits.peek()
    for mask, code, length, value in table:
        if seen & mask == code:
            bits.take(length)
            return value if value < 2 else bits.take(value - 1) | 1 << (value - 1)
    raise ValueError("no code fits: the packed data is damaged")


def unpacked(data):
    """RNC ProPack data (method 1) in, the bytes it stands for out."""
    size, out, bits = struct.unpack(">I", data[4:8])[0], bytearray(), Bits(data, 18)
    bits.take(2)
    while len(out) < size:
        raw, offsets, lengths = (code_table(bits) for _ in range(3))
        for left in range(bits.take(16) - 1, -1, -1):
            count = coded_number(bits, raw)
            out += bits.raw(count) if count else b""
            if left:
                back = coded_number(bits, offsets) + 1
                for _ in range(coded_number(bits, lengths) + 2):
                    out.append(out[-back])
    return bytes(out)
