"""Columns to bytes and back, by a trained model; all that it takes is JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.coding import whole
from boostflow.coding.entropy import Decoder, Encoder, bits
from boostflow.coding.mixture import CODES_MAX, Mixture, slope_of, weight_of
from boostflow.coding.rounding import Rounding
from boostflow.config.rounding import Rounded
from boostflow.errors import BoostflowError
from boostflow.models.autoencoder import exact
from boostflow.models.autoencoder.narrow import Latent, Narrow

FILE = "codec.json"
"""The model's file: what its columns are, and the networks in whole numbers."""
VERSION = 1
MARGIN = 1.0
"""Codes reach beyond the values of the training by this part of their range, on both sides."""


class Column:
    """A column as codes from 0 to `codes` - 1, of which the last stands for a value kept as it is.

    A relative bound leaves 0 far from all other numbers: it has the first code of its own.
    """

    def __init__(
        self, declared: Rounded, low: int, codes: int, center: float, spread: float
    ) -> None:
        """What `data` says of a column.

        Args:
            declared: its type and bound.
            low: the smallest integer that has a code.
            codes: how many there are.
            center: of the codes in the training.
            spread: of these.
        """
        self.rounding = Rounding(declared)
        self.declared, self.low, self.codes = declared, low, codes
        self.center, self.spread = center, spread

    @classmethod
    def seen(cls, name: str, declared: Rounded, values: NDArray) -> Column:
        """The column whose values in the training are given, shape (jets,).

        Raises:
            BoostflowError: there are none, or too many steps between the largest and smallest.
        """
        rounding = Rounding(declared)
        q, good = rounding.integers(values)
        counted = q[good & (q != 0)] if declared.is_relative else q[good]
        if not good.any():
            raise BoostflowError(f"{name}: no finite value to learn from")
        first, last = (counted.min(), counted.max()) if len(counted) else (0, 0)
        if rounding.turn:
            first, last = -(rounding.turn // 2), (rounding.turn - 1) // 2
        else:
            beyond = int(MARGIN * (last - first)) + 1
            first, last = first - beyond, last + beyond
        codes = int(last - first) + 2 + declared.is_relative
        if codes > CODES_MAX:
            raise BoostflowError(
                f"{name}: {codes} steps of its bound, a column may have {CODES_MAX}: give it a"
                " larger bound, or leave it out (other columns pass unchanged)"
            )
        column = cls(declared, int(first), codes, 0.0, 1.0)
        code = column.code(values)[0][good]
        column.center, spread = float(code.mean()), float(code.std())
        column.spread = max(spread, 1.0)
        return column

    def data(self) -> dict[str, Any]:
        """What decides the column, as JSON data."""
        return {
            "declared": self.declared.model_dump(mode="json"),
            **{name: getattr(self, name) for name in ("low", "codes", "center", "spread")},
        }

    def code(self, values: NDArray) -> tuple[NDArray[np.int64], NDArray]:
        """Codes of values, shape (jets,), and those values that are kept, rounded if they can be.

        Args:
            values: shape (jets,).
        """
        q, good = self.rounding.integers(values)
        code = q - self.low + self.declared.is_relative
        if self.declared.is_relative:
            inside = good & ((code >= 1) | (q == 0))
            code = np.where(q == 0, 0, code)
        else:
            inside = good & (code >= 0)
        inside &= code < self.codes - 1
        kept = ~inside
        back = np.where(good[kept], self.rounding.values(q[kept], values.dtype), values[kept])
        return np.where(inside, code, self.codes - 1), back

    def values(self, code: NDArray[np.int64], kept: NDArray, kind: np.dtype) -> NDArray:
        """What comes back: the reverse of `code`.

        Raises:
            BoostflowError: there are more or fewer kept values than codes for them.
        """
        q = code + self.low - self.declared.is_relative
        if self.declared.is_relative:
            q = np.where(code == 0, 0, q)
        out = code == self.codes - 1
        if out.sum() != len(kept):
            raise BoostflowError("values that were kept are missing")
        found = self.rounding.values(np.where(out, 0, q), kind)
        found[out] = kept
        return found

    def input(self, code: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the networks of later columns see, in whole numbers, shape (jets,)."""
        return exact.inputs(np.asarray((code - self.center) / self.spread, np.float64))


def mixture(
    outputs: NDArray[np.float64], column: Column | Latent, log_spread: float | None = None
) -> Mixture:
    """The distribution that a network's outputs stand for.

    Args:
        outputs: K means, then K logarithms of scales, in units of the spread of the codes, then
            K + 1 of weights, both to base 2; shape (N, 3 K + 1).
        column: the column.
        log_spread: logarithm to base 2 of that spread.
    """
    parts = outputs.shape[1] // 3
    mean, scale, weight = np.split(outputs, [parts, 2 * parts], axis=1)
    log_spread = whole_log(column.spread) if log_spread is None else log_spread
    return Mixture(
        column.center + column.spread * mean,
        # Narrower than this a distribution is one code.
        slope_of(np.maximum(scale + log_spread, -4.0)),
        weight_of(weight),
    )


def whole_log(spread: float) -> float:
    """Logarithm to base 2 to three binary digits, on which all machines agree."""
    return round(float(np.log2(spread)) * 8) / 8


@dataclass
class Codec:
    """A trained compression."""

    columns: dict[str, Column]
    layers: list[exact.Layers]
    """The network of each latent and of each column, in whole numbers."""
    narrow: Narrow | None = None
    """What makes latents; none for a compression without a bottleneck."""
    skip: bool = True
    """Whether columns are told those before them; else the latents alone."""

    @property
    def latents(self) -> int:
        """How many there are."""
        return 0 if self.narrow is None else len(self.narrow.gains)

    def seen(self, number: int) -> int:
        """How many of the latents and columns, in their order, the network of one is told."""
        return number if self.skip else min(number, self.latents)

    @classmethod
    def of(cls, content: bytes, where: str) -> Codec:
        """The codec that `content` wrote.

        Args:
            content: JSON.
            where: what holds it, for messages.

        Raises:
            BoostflowError: it is not what a codec is made from, or of another version.
        """
        try:
            data = json.loads(content)
            if data["version"] != VERSION:
                raise BoostflowError(
                    f"{where}: a model of version {data['version']}; this boostflow reads {VERSION}"
                )
            columns = {
                item["name"]: Column(
                    Rounded.model_validate(item["declared"]),
                    *(int(item["low"]), int(item["codes"])),
                    *(float(item["center"]), float(item["spread"])),
                )
                for item in data["columns"]
            }
            narrow = data.get("narrow")
            narrow = narrow and Narrow.of(narrow, len(columns))
            codec = cls(columns, [], narrow, bool(data.get("skip", True)))
            codec.layers = [
                exact.Layers.of(item, codec.seen(i)) for i, item in enumerate(data["layers"])
            ]
            if len(codec.layers) != codec.latents + len(columns):
                raise ValueError("columns without a network")
        except (ValueError, KeyError, TypeError) as error:
            raise BoostflowError(f"{where}: holds no model of a compression ({error})") from None
        return codec

    def content(self) -> bytes:
        """All that `of` needs, as JSON."""
        data: dict[str, Any] = {
            "version": VERSION,
            "columns": [{"name": name, **column.data()} for name, column in self.columns.items()],
            "layers": [layers.data() for layers in self.layers],
        }
        if self.narrow is not None:
            data |= {"narrow": self.narrow.data(), "skip": self.skip}
        return json.dumps(data, separators=(",", ":")).encode()

    def rounded(self) -> dict[str, Rounded]:
        """What its columns are, by name."""
        return {name: column.declared for name, column in self.columns.items()}

    def coded(self) -> list[Latent | Column]:
        """What is coded, in its order: latents, then columns."""
        return [*(Latent() for _ in range(self.latents)), *self.columns.values()]

    def given(self, number: int, inputs: Sequence[NDArray[np.float64]], rows: int) -> Mixture:
        """The distribution of the codes of a latent or a column, given those before it.

        Args:
            number: of what is coded.
            inputs: of what is coded before it, shape (rows,) each.
            rows: number of jets.
        """
        told = inputs[: self.seen(number)]
        x = np.stack(told, axis=1) if told else np.zeros((rows, 0))
        return mixture(exact.outputs(self.layers[number], x), self.coded()[number])

    def codes(
        self, table: Mapping[str, NDArray]
    ) -> tuple[list[NDArray[np.int64]], list[NDArray], list[NDArray[np.float64]]]:
        """Codes of latents and columns, values that are kept, and what networks see of them."""
        both = [column.code(table[name]) for name, column in self.columns.items()]
        codes = [code for code, _ in both]
        inputs = [c.input(code) for c, code in zip(self.columns.values(), codes, strict=True)]
        latents = (
            [] if self.narrow is None else list(np.ascontiguousarray(self.narrow.codes(inputs).T))
        )
        return (
            [*latents, *codes],
            [*(np.zeros(0, np.int8) for _ in latents), *(kept for _, kept in both)],
            [*(Latent().input(code) for code in latents), *inputs],
        )

    def bits(self, table: Mapping[str, NDArray]) -> NDArray[np.float64]:
        """What each column of each jet costs, shape (jets, columns + latents); columns first.

        Those of columns hold values that are kept.
        """
        codes, _, inputs = self.codes(table)
        found = []
        for number, one in enumerate(self.coded()):
            code = codes[number]
            found.append(bits(code, one.codes, self.given(number, inputs, len(code))))
        found = [*found[self.latents :], *found[: self.latents]]
        for number, (name, column) in enumerate(self.columns.items()):
            kept = codes[self.latents + number] == column.codes - 1
            found[number] += kept * (8 * table[name].dtype.itemsize)
        return np.stack(found, axis=1)

    def encode(self, table: Mapping[str, NDArray]) -> bytes:
        """Columns of N jets as bytes.

        A column that the network does not expect is coded without it, where that is shorter.

        Args:
            table: the codec's columns by name, shape (N,) each.
        """
        rows = len(next(iter(table.values())))
        codes, kept, inputs = self.codes(table)
        coded, head, parts = [], [], []
        for number, one in enumerate(self.coded()):
            given = self.given(number, inputs, rows)
            plain = whole.packed(codes[number])
            learned = bits(codes[number], one.codes, given).sum() / 8 < len(plain)
            if learned:
                coded.append((codes[number], one.codes, given))
            head.append({"kind": kept[number].dtype.str, "learned": bool(learned)})
            parts += [b"" if learned else plain, _squeezed(kept[number].tobytes())]
        encoder = Encoder(rows * max(len(coded), 1))
        for item in reversed(coded):
            encoder.add(*item)
        about = {"rows": rows, "columns": head}
        return packed([json.dumps(about).encode(), encoder.content(), *parts])

    def decode(self, content: bytes) -> dict[str, NDArray]:
        """The columns of N jets, from what `encode` gave.

        Raises:
            BoostflowError: it is something else.
        """
        names = [*(None for _ in range(self.latents)), *self.columns]
        try:
            about, coded, *parts = unpacked(content)
            head = json.loads(about)
            rows, decoder = head["rows"], Decoder(coded)
            inputs: list[NDArray[np.float64]] = []
            found = {}
            for number, one in enumerate(self.coded()):
                said, (plain, kept) = head["columns"][number], parts[2 * number : 2 * number + 2]
                if said["learned"]:
                    code = decoder.take(one.codes, self.given(number, inputs, rows))
                else:
                    code = np.asarray(whole.unpacked(plain), np.int64)
                inputs.append(one.input(code))
                name = names[number]
                if isinstance(one, Column) and name is not None:
                    kind = np.dtype(said["kind"])
                    found[name] = one.values(code, np.frombuffer(_spread(kept), kind), kind)
            decoder.end()
        except (ValueError, KeyError, TypeError, IndexError, struct.error) as error:
            raise BoostflowError(f"no coded columns of this model ({error})") from None
        return found


def open_codec(content: bytes, where: str) -> Codec:
    """The codec that a compressed file holds; see `boostflow.coding.codec.Coders`."""
    return Codec.of(content, where)


def trained(model: Path) -> Codec:
    """The codec of a trained model; see `boostflow.coding.codec.Coders`."""
    path = model / FILE
    try:
        return Codec.of(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise BoostflowError(f"{path}: no such file") from None


def packed(parts: Sequence[bytes]) -> bytes:
    """Some bytes after each other, with their lengths."""
    lengths = [len(parts), *map(len, parts)]
    return struct.pack(f"<{len(lengths)}I", *lengths) + b"".join(parts)


def unpacked(content: bytes) -> list[bytes]:
    """The reverse of `packed`.

    Raises:
        ValueError, struct.error: they are not there.
    """
    (count,) = struct.unpack_from("<I", content)
    lengths = struct.unpack_from(f"<{count}I", content, 4)
    at, found = 4 * (count + 1), []
    for length in lengths:
        found.append(content[at : at + length])
        at += length
    if at != len(content):
        raise ValueError("another length")
    return found


def _squeezed(content: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=9).compress(content) if content else b""


def _spread(content: bytes) -> bytes:
    import zstandard

    try:
        return zstandard.ZstdDecompressor().decompress(content) if content else b""
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
