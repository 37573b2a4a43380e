"""Attention: every time step takes from all others what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
import numpy as np

import kernels
from playground.emitter import Emitter, Operand
from playground.initializers import Initializer
from playground.layers.base import (
    MAX_SIZE,
    Layer,
    Parameter,
    Shape,
    ShapeError,
    about,
    layer,
    show_shape,
    size_of,
)
from playground.layers.lengths import (
    LENGTHS,
    check_lengths,
    clear_padding,
    lengths_backward,
    lengths_of,
    optional_inputs,
)
from playground.layers.sequence import sequence_shape

if TYPE_CHECKING:
    from playground.tensor import Tensor

Causal = Annotated[bool, about(
    "A time step sees itself and the ones before it, not what is still to come.")]


@dataclass(frozen=True)
class DotProduct:
    """softmax(q kᵀ / √size) v for `count` independent sets of queries, keys and values.

    count = batch · heads; q (count, queries, size), k (count, keys, size), v (count, keys, values).
    lengths (batch,): how many keys are a sample's own, or 0 for all.
    """

    batch: int
    heads: int
    queries: int
    keys: int
    size: int
    values: int
    causal: bool
    lengths: Operand

    @property
    def count(self) -> int:
        return self.batch * self.heads

    @property
    def scale(self) -> float:
        return float(self.size**-0.5)

    def forward(self, e: Emitter, q: Tensor, k: Tensor, v: Tensor, weights: Tensor, y: Tensor
                ) -> None:
        """Emit weights (count, queries, keys) and y (count, queries, values)."""
        e.emit(kernels.attention.batch_product_transposed, count=self.count, rows=self.queries,
               inner=self.size, columns=self.keys, a=q, b=k, y=weights)
        e.emit(kernels.attention.attention_softmax, batch=self.batch, heads=self.heads,
               queries=self.queries, keys=self.keys, scale=self.scale, causal=int(self.causal),
               lengths=self.lengths, weights=weights)
        e.emit(kernels.attention.batch_product, count=self.count, rows=self.queries,
               inner=self.keys, columns=self.values, a=weights, b=v, y=y)

    def backward(self, e: Emitter, q: Tensor, k: Tensor, v: Tensor, weights: Tensor, dy: Tensor,
                 dscores: Tensor, gradients: tuple[Tensor | None, Tensor | None, Tensor | None]
                 ) -> None:
        """Emit those of dq, dk and dv that are asked for."""
        dq, dk, dv = gradients
        if dv is not None:
            e.emit(kernels.attention.batch_transposed_product, count=self.count, rows=self.keys,
                   inner=self.queries, columns=self.values, a=weights, b=dy, y=dv)
        if dq is None and dk is None:
            return
        e.emit(kernels.attention.batch_product_transposed, count=self.count, rows=self.queries,
               inner=self.values, columns=self.keys, a=dy, b=v, y=dscores)
        e.emit(kernels.attention.attention_softmax_backward, rows=self.count * self.queries,
               keys=self.keys, scale=self.scale, weights=weights, dscores=dscores)
        if dq is not None:
            e.emit(kernels.attention.batch_product, count=self.count, rows=self.queries,
                   inner=self.keys, columns=self.size, a=dscores, b=k, y=dq)
        if dk is not None:
            e.emit(kernels.attention.batch_transposed_product, count=self.count, rows=self.keys,
                   inner=self.queries, columns=self.size, a=dscores, b=q, y=dk)


@layer("attention", category="sequence", label="Attention")
class Attention(Layer, frozen=True, kw_only=True):
    """Each query gets the mean of the values, weighted by how well their keys match it.

    Scaled dot-product attention of Vaswani et al. 2017; nothing to learn.
    """

    other_names = ("scaled dot-product attention", "causal attention")
    formula = "y = softmax(q kᵀ / √d) v"
    inputs = ("query", "key", "value", LENGTHS)
    optional = frozenset({LENGTHS})
    input_help: ClassVar[Mapping[str, str]] = {
        LENGTHS: "How many keys are a sample's own: no query sees the ones after them, and it "
                 "gets 0 where there is none. Queries beyond that length ask like all others."}
    whole_time = True
    samples = (((4, 3), (5, 3), (5, 2)), ((3, 2), (3, 2), (3, 2)), ((3, 2), (4, 2), (4, 3), ()))

    causal: Causal = False

    def output_shape(self, *x: Shape) -> Shape:
        *sequences, lengths = optional_inputs(x, 4)
        (queries, size), (keys, key_size), (values, width) = (
            sequence_shape(self.label, shape) for shape in sequences)
        check_lengths(lengths)
        if size != key_size:
            raise ShapeError(
                f"Queries of {size} features cannot be compared with keys of {key_size}. Give "
                "both as many, with a Dense before one of them.")
        if keys != values:
            raise ShapeError(
                f"{keys} keys and {values} values: every key needs its value. Connect sequences "
                "of one length.")
        return (queries, width)

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        shape = (batch, x[0][0], x[1][0])
        weights = {"weights": shape, "dscores": shape}
        if optional_inputs(x, 4)[3] is None:
            return weights
        return {**weights, "own_key": (batch, *x[1]), "own_value": (batch, *x[2])}

    def _product(self, e: Emitter) -> DotProduct:
        (_, queries, size), (_, keys, values) = e.x[0].shape, e.x[2].shape
        return DotProduct(e.batch, 1, queries, keys, size, values, self.causal, lengths_of(e, 3))

    def _compared(self, e: Emitter) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values; where lengths are known, keys and values without padding."""
        q, k, v = e.x[:3]
        return q, e.work.get("own_key", k), e.work.get("own_value", v)

    def forward(self, e: Emitter) -> None:
        q, k, v = self._compared(e)
        if lengths_of(e, 3):
            clear_padding(e, 3, e.x[1], k)
            clear_padding(e, 3, e.x[2], v)
        self._product(e).forward(e, q, k, v, e.work["weights"], e.y[0])

    def backward(self, e: Emitter) -> None:
        q, k, v = self._compared(e)
        dq, dk, dv = e.dx[:3]
        self._product(e).backward(e, q, k, v, e.work["weights"], e.dy[0], e.work["dscores"],
                                  (dq, dk, dv))
        lengths_backward(e, 3)

    def subtitle(self) -> str:
        return "causal" if self.causal else ""


@layer("multi_head_attention", category="sequence", label="Multi-head attention",
       stem="attention")
class MultiHeadAttention(Layer, frozen=True, kw_only=True):
    """Several attentions side by side, each on a projection of its own that is learned.

    Without a memory, a sequence attends to itself; with one, its queries go to the memory's keys
    and values. Weights as in PyTorch's MultiheadAttention: w holds the projections of queries,
    keys and values one below the other.
    """

    other_names = ("self-attention", "causal attention", "transformer")
    formula = "y = [head₁, head₂, ...] w_outᵀ + b_out"
    inputs = ("x", "memory", LENGTHS)
    whole_time = True
    optional = frozenset({"memory", LENGTHS})
    input_help: ClassVar[Mapping[str, str]] = {
        "memory": "The sequence that gives keys and values; without it x gives them.",
        LENGTHS: "How many steps of the memory, or without one of x, are a sample's own: no query "
                 "sees the ones after them (PyTorch's key_padding_mask), and they count as 0. A "
                 "sample without any gets b_out. Without a memory, padding asks as zeros do."}
    samples = (((4, 6),), ((3, 2), (5, 2)), ((5, 4),), ((4, 6), None, ()), ((3, 2), (4, 2), ()))

    heads: Annotated[int, about(
        "How many attentions; the features are shared out among them.", ge=1, le=MAX_SIZE)] = 2
    causal: Causal = False
    bias: Annotated[bool, about("Add a learned offset to each projection.")] = True
    initializer: Annotated[Initializer, about(
        "How the weights start. pytorch: as its MultiheadAttention; keras: as its own.")] = (
            "glorot_uniform")

    def output_shape(self, *x: Shape) -> Shape:
        times, features = sequence_shape(self.label, x[0])
        if features % self.heads:
            raise ShapeError(
                f"{features} features cannot be shared out among {self.heads} heads. Choose a "
                f"number of heads that divides {features}.")
        _, memory, lengths = optional_inputs(x, 3)
        check_lengths(lengths)
        if memory is not None and sequence_shape(self.label, memory)[1] != features:
            raise ShapeError(
                f"The memory is {show_shape(memory)} and needs {features} features as x has. Add a "
                f"Dense with {features} units before it.")
        return (times, features)

    def uses(self, x: Shape, y: Shape) -> int:
        return x[0]

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        n, heads, size = x[0][1], self.heads, x[0][1] // self.heads
        # PyTorch starts the three projections as one Glorot-uniform matrix.
        inside = "glorot_uniform" if self.initializer == "pytorch" else self.initializer
        fans, fans_out = (n, 3 * n), (n, n)
        if self.initializer == "keras":
            # It takes its arrays (features, heads, size) and back for kernels of a convolution.
            fans, fans_out = (n * heads, n * size), (n, heads * n)
        weights = (Parameter("w", (3 * n, n), inside, *fans),
                   Parameter("w_out", (n, n), self.initializer, *fans_out))
        if not self.bias:
            return weights
        return (*weights, Parameter("b", (3 * n,), "zeros"), Parameter("b_out", (n,), "zeros"))

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        (times, n), (_, memory, lengths) = x[0], optional_inputs(x, 3)
        keys, _ = memory or x[0]
        sides = {"x_q": (batch, times, n), "x_kv": (batch, keys, 2 * n)} if memory else {
            "x_qkv": (batch, times, 3 * n)}
        heads, size = self.heads, n // self.heads
        asking, answering = (batch, heads, times, size), (batch, heads, keys, size)
        work = {**sides, "q": asking, "k": answering, "v": answering, "head": asking,
                "joined": (batch, times, n)}
        weights = (batch, heads, times, keys)
        own = {} if lengths is None else {"own": (batch, keys, n)}
        return {**work, **{f"d{name}": shape for name, shape in work.items()},
                "weights": weights, "dscores": weights, **own}

    def _product(self, e: Emitter) -> DotProduct:
        _, heads, queries, size = e.work["q"].shape
        keys = e.work["k"].shape[2]
        return DotProduct(e.batch, heads, queries, keys, size, size, self.causal,
                          lengths_of(e, 2))

    def _projections(self, e: Emitter) -> tuple[_Projection, ...]:
        """From x to queries, keys and values; with a memory, from x and from the memory.

        What gives keys and values comes last, and without padding where lengths are known.
        """
        x, memory = optional_inputs(e.x, 2)
        n = x.shape[-1]
        if memory is None:
            return (_Projection(e.work.get("own", x), e.work["x_qkv"], 0, 3 * n, "qkv"),)
        return (_Projection(x, e.work["x_q"], 0, n, "q"),
                _Projection(e.work.get("own", memory), e.work["x_kv"], n, 2 * n, "kv"))

    def forward(self, e: Emitter) -> None:
        if lengths_of(e, 2):
            x, memory = optional_inputs(e.x, 2)
            clear_padding(e, 2, x if memory is None else memory, e.work["own"])
        for side in self._projections(e):
            side.forward(e)
            for offset, part in side.parts():
                self._move(e, kernels.attention.split_heads, side.y, e.work[part], offset)
        self._product(e).forward(e, e.work["q"], e.work["k"], e.work["v"], e.work["weights"],
                                 e.work["head"])
        self._move(e, kernels.attention.join_heads, e.work["head"], e.work["joined"])
        self._out(e).forward(e)

    def backward(self, e: Emitter) -> None:
        work = e.work
        self._out(e).backward(e, e.dy[0], work["djoined"])
        self._move(e, kernels.attention.split_heads, work["djoined"], work["dhead"])
        self._product(e).backward(e, work["q"], work["k"], work["v"], work["weights"],
                                  work["dhead"], work["dscores"],
                                  (work["dq"], work["dk"], work["dv"]))
        for side, dx in zip(self._projections(e), optional_inputs(e.dx, 2), strict=False):
            gradient = work[f"dx_{side.holds}"]
            for offset, part in side.parts():
                self._move(e, kernels.attention.join_heads, work[f"d{part}"], gradient, offset)
            side.backward(e, gradient, dx)
        if lengths_of(e, 2) and dx is not None:
            clear_padding(e, 2, dx, dx)
        lengths_backward(e, 2)

    def _out(self, e: Emitter) -> _Projection:
        return _Projection(e.work["joined"], e.y[0], 0, e.x[0].shape[-1], "", "_out")

    def _move(self, e: Emitter, kernel: kernels.jit.Kernel, x: Tensor, y: Tensor,
              offset: int = 0) -> None:
        """Between (batch, heads, times, size) and features of (batch, times, width)."""
        split, whole = (x, y) if len(x.shape) == 4 else (y, x)
        _, heads, times, size = split.shape
        e.emit(kernel, batch=e.batch, times=times, heads=heads, size=size, width=whole.shape[-1],
               offset=offset, x=x, y=y)

    def subtitle(self) -> str:
        heads = "1 head" if self.heads == 1 else f"{self.heads} heads"
        return f"{heads}, causal" if self.causal else heads


@dataclass(frozen=True)
class _Projection:
    """y = x wᵀ + b of every time step, with `units` rows of w from row `first` on.

    holds: which of q, k and v lie side by side in y. name: what the weights' names end in.
    """

    x: Tensor
    y: Tensor
    first: int
    units: int
    holds: str
    name: str = ""

    def parts(self) -> tuple[tuple[int, str], ...]:
        """Where each of q, k, v begins in y."""
        width = self.x.shape[-1]
        return tuple((i * width, part) for i, part in enumerate(self.holds))

    def _sizes(self) -> dict[str, int]:
        inputs = self.x.shape[-1]
        return {"batch": self.x.size // inputs, "inputs": inputs, "units": self.units}

    def _rows(self, tensors: Mapping[str, Tensor], letter: str) -> Tensor:
        """The rows of w, b or their gradients that belong to it."""
        whole = tensors[letter + self.name]
        row = whole.shape[1:]
        return whole.part(self.first * size_of(row), (self.units, *row), whole.name)

    def forward(self, e: Emitter) -> None:
        sizes, w = self._sizes(), self._rows(e.w, "w")
        if "b" in e.w:
            e.emit(kernels.dense.dense_forward, **sizes, x=self.x, w=w, b=self._rows(e.w, "b"),
                   y=self.y)
        else:
            e.emit(kernels.dense.dense_forward_no_bias, **sizes, x=self.x, w=w, y=self.y)

    def backward(self, e: Emitter, dy: Tensor, dx: Tensor | None) -> None:
        sizes = self._sizes()
        e.emit(kernels.dense.dense_weight_gradient, **sizes, x=self.x, dy=dy,
               dw=self._rows(e.dw, "w"))
        if "b" in e.w:
            e.emit(kernels.dense.dense_bias_gradient, batch=sizes["batch"], units=self.units,
                   dy=dy, db=self._rows(e.dw, "b"))
        if dx is not None:
            e.emit(kernels.dense.dense_input_gradient, **sizes, dy=dy,
                   w=self._rows(e.w, "w"), dx=dx)


class Sinusoids(msgspec.Struct, frozen=True):
    """Waves of rising length, a sine and a cosine of each: Vaswani et al. 2017, 3.5."""

    def __call__(self, shape: Shape, random: np.random.Generator) -> np.ndarray:
        times, features = shape
        pair = np.arange(features) // 2
        angle = np.arange(times)[:, None] / 10_000 ** (2 * pair / features)
        return np.where(np.arange(features) % 2, np.cos(angle), np.sin(angle)).astype(np.float32)


@layer("positional_encoding", category="sequence", label="Positional encoding", stem="position")
class PositionalEncoding(Layer, frozen=True, kw_only=True):
    """Adds to every time step a pattern that tells its place: attention sees no order by itself."""

    other_names = ("positional embedding",)
    formula = "y at t = x at t + p at t"
    samples = (((4, 6),), ((3, 5),))

    encoding: Annotated[Literal["sinusoidal", "learned"], about(
        "sinusoidal: fixed waves of many lengths. learned: a vector for every place.")] = (
        "sinusoidal")
    initializer: Annotated[Initializer, about(
        "How learned vectors start; the waves are fixed.")] = "zeros"

    def output_shape(self, *x: Shape) -> Shape:
        return sequence_shape(self.label, x[0])

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        if self.encoding == "sinusoidal":
            return ()
        return (Parameter("w", x[0], self.initializer, 1, x[0][1], role="embedding"),)

    def running(self, *x: Shape) -> tuple[Parameter, ...]:
        return (Parameter("waves", x[0], Sinusoids()),) if self.encoding == "sinusoidal" else ()

    def forward(self, e: Emitter) -> None:
        places = e.running["waves"] if self.encoding == "sinusoidal" else e.w["w"]
        e.emit(kernels.elementwise.add_to_each, rows=e.batch, n=places.size, x=e.x[0], p=places,
               y=e.y[0])

    def backward(self, e: Emitter) -> None:
        if "w" in e.dw:
            e.emit(kernels.dense.dense_bias_gradient, batch=e.batch, units=e.dw["w"].size,
                   dy=e.dy[0], db=e.dw["w"])
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.elementwise.copy, n=dx.size, x=e.dy[0], y=dx)

    def subtitle(self) -> str:
        return self.encoding
