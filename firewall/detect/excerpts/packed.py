"""Texts by number in a few large pieces of memory, since as many single objects cost as much again."""

from array import array

_HEAD = 6
_PIECE_BITS = 16
_IN_PIECE = (1 << _PIECE_BITS) - 1
NOWHERE = (1 << 64) - 1


class Packed:
    """Texts of at most 4,096 characters, each under its number; what they leave behind is filled again."""

    def __init__(self) -> None:
        # Each text stands in a piece behind its number (four bytes) and its length in bytes (two).
        self._pieces: list[bytearray] = [bytearray()]
        self._live = [0]
        self._unused: list[int] = []
        self._open = 0
        self._at = array("Q")

    def __getitem__(self, number: int) -> str:
        """Give the text with this number, which there must be."""
        at = self._at[number]
        piece, start = self._pieces[at >> _PIECE_BITS], at & _IN_PIECE
        stop = start + _HEAD + int.from_bytes(piece[start + 4 : start + _HEAD], "little")
        return piece[start + _HEAD : stop].decode("utf-8", "surrogatepass")

    def put(self, number: int, text: str) -> None:
        """Keep a text under a number that is free, or the one after the highest that was ever used."""
        if number == len(self._at):
            self._at.append(NOWHERE)
        encoded = text.encode("utf-8", "surrogatepass")
        self._write(number, number.to_bytes(4, "little") + len(encoded).to_bytes(2, "little") + encoded)

    def drop(self, number: int) -> None:
        """Leave out the text with this number, which is free from then on."""
        at = self._at[number]
        piece, start = at >> _PIECE_BITS, at & _IN_PIECE
        size = int.from_bytes(self._pieces[piece][start + 4 : start + _HEAD], "little")
        self._at[number] = NOWHERE
        self._live[piece] -= _HEAD + size
        if piece != self._open:
            self._tidy(piece)

    def _write(self, number: int, entry: bytes) -> None:
        if len(self._pieces[self._open]) + len(entry) > 1 << _PIECE_BITS:
            full, self._open = self._open, self._empty()
            self._tidy(full)
        piece = self._pieces[self._open]
        self._at[number] = self._open << _PIECE_BITS | len(piece)
        piece += entry
        self._live[self._open] += len(entry)

    def _empty(self) -> int:
        if self._unused:
            return self._unused.pop()
        self._pieces.append(bytearray())
        self._live.append(0)
        return len(self._pieces) - 1

    def _tidy(self, piece: int) -> None:
        """Move what is left in a piece to the open one, if it is less than half."""
        if self._live[piece] * 2 >= len(self._pieces[piece]):
            return
        content = bytes(self._pieces[piece])
        self._pieces[piece], self._live[piece] = bytearray(), 0
        start = 0
        while start < len(content):
            number = int.from_bytes(content[start : start + 4], "little")
            stop = start + _HEAD + int.from_bytes(content[start + 4 : start + _HEAD], "little")
            if self._at[number] == piece << _PIECE_BITS | start:
                self._write(number, content[start:stop])
            start = stop
        self._unused.append(piece)
