"""What a layer is: settings, shapes, parameters, and the instructions that it emits.

One class is one layer. Palette entry, inspector form, shape badge, error text, save and load,
help and the generic tests all come from that class; nothing about a layer stands anywhere else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import msgspec
import msgspec.inspect
import numpy as np
from msgspec import Meta

from playground.emitter import Emitter
from playground.initializers import Role, Start, initial_pieces
from playground.sizes import Pair, Shape, show_shape, size_of

MAX_SIZE = 10**9
"""The largest size a setting takes; whether the machine can hold it is checked at compile time."""


class ShapeError(Exception):
    """A layer cannot take what is connected to it; the text is a sentence for the user."""


class Signal(msgspec.Struct, frozen=True):
    """What travels along an edge: samples of `shape`, or class numbers below `classes`.

    A class number for each sample has the shape (); class numbers along time, such as tokens, have
    the shape (time,), and a target of theirs may be -1 where nothing is asked.
    """

    shape: Shape
    classes: int = 0

    def __str__(self) -> str:
        if not self.classes:
            return show_shape(self.shape)
        if self.shape:
            return f"{show_shape(self.shape)} of {self.classes} classes"
        return f"classes 0-{self.classes - 1}"


class Parameter(msgspec.Struct, frozen=True):
    """A learned array of a layer, or one that is kept over the steps. Weights are (out, in, ...),
    as in PyTorch.
    """

    name: str
    shape: Shape
    initializer: Start
    fan_in: int = 1
    fan_out: int = 1
    role: Role = "weight"
    groups: int = 1
    """Blocks of the first axis that see different inputs."""

    def pieces(self, random: np.random.Generator) -> Iterator[np.ndarray]:
        """Its initial values (float32), flat and one piece after the other."""
        return initial_pieces(self.initializer, self.shape, self.fan_in, self.fan_out, random,
                              role=self.role, groups=self.groups)


def about(help: str, *, ge: float | None = None, le: float | None = None,
          gt: float | None = None, lt: float | None = None,
          title: str | None = None, unit: str = "", log: bool = False,
          pattern: str | None = None, parts: tuple[str, str] = ("height", "width")) -> Meta:
    """Help, limits and looks of a setting: `units: Annotated[int, about("...", ge=1)] = 8`.

    parts: what the two numbers of a pair are.
    """
    limits: dict[str, Any] = {"ge": ge, "le": le, "gt": gt, "lt": lt, "pattern": pattern}
    extra = {"unit": unit, "log": log, "parts": parts}
    return Meta(description=help, title=title, extra=extra, **limits)


Examples = Mapping[str, tuple[Any, ...]]
"""Values of settings, by name."""


class Layer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node's kind and settings. The fields of a subclass are its settings.

    The first line of a subclass's docstring is its tooltip.
    """

    kind: ClassVar[str]
    """The name in files; it never changes."""
    label: ClassVar[str]
    """The name on the palette."""
    other_names: ClassVar[tuple[str, ...]] = ()
    """What else people look for it by: its names elsewhere, and what one of its settings makes of
    it."""
    stem: ClassVar[str]
    """What its nodes are called: "conv" for conv_1, conv_2, ..."""
    category: ClassVar[str]
    formula: ClassVar[str] = ""
    inputs: ClassVar[tuple[str, ...]] = ("x",)
    outputs: ClassVar[tuple[str, ...]] = ("y",)
    optional: ClassVar[frozenset[str]] = frozenset()
    """Inputs that may stay unconnected.

    Where the layer gets something for each input, it gets None for such a one, or nothing if no
    connected one comes after it. No other layer ever gets None.
    """
    input_help: ClassVar[Mapping[str, str]] = {}
    """What an input is for, where its name alone does not tell: a sentence or two, by name."""
    target_port: ClassVar[int | None] = None
    """The input of a loss that is compared with and gets no gradient."""
    variadic: ClassVar[bool] = False
    """Takes any number of inputs (two or more), all alike."""
    samples: ClassVar[tuple[tuple[Shape | None, ...], ...]] = ()
    """Input shapes that every generic test tries, one tuple of shapes per try; None where an
    optional input is left out before one that is connected."""
    sample_classes: ClassVar[tuple[int, ...]] = ()
    """Which inputs of the samples hold symbols (class numbers), and how many; 0 for values."""
    units_last: ClassVar[bool] = False
    """The units lie along the last axis (dense, recurrent), else along the first (channels)."""
    examples: ClassVar[Examples] = {}
    """Values for the generic tests, of settings whose limits do not tell what is possible."""
    is_view: ClassVar[bool] = False
    """The output is the input under another shape: no instruction, no memory."""
    whole_time: ClassVar[bool] = False
    """Without its input lengths it takes every time step of a sequence for the sample's own."""
    without_padding: ClassVar[str] = ""
    """Of a layer that can mix time steps and has no input lengths: what does without padding."""
    whole_batch: ClassVar[bool] = False
    """Its instructions see all samples of the step at once: statistics of a batch are not those
    of its parts. The lanes meet there; one of them does the work, but for what is shared out."""
    integers: ClassVar[frozenset[str]] = frozenset()
    """The arrays of the workspace that hold int32."""
    doubles: ClassVar[frozenset[str]] = frozenset()
    """The arrays of the workspace that hold float64, each number in two places."""
    scratch: ClassVar[frozenset[str]] = frozenset()
    """The arrays of the workspace that carry nothing out of the layer's forward or backward. Other
    layers use the same memory in between, and what writes to nothing else that is read is left out,
    as the weight gradients of a frozen layer."""

    @property
    def remembers(self) -> bool:
        """Whether each training step changes what `running` names."""
        return False

    @property
    def norms(self) -> tuple[str, ...]:
        """The arrays of the workspace that backward fills with norms over the batch."""
        return ()

    @property
    def active_range(self) -> tuple[float, float] | None:
        """A unit whose output stays outside (low, high) for a whole batch is dead or saturated."""
        return None

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        """What comes out of each output port. Raises ShapeError."""
        return (Signal(self.output_shape(*shapes_of(x))),)

    def output_shape(self, *x: Shape) -> Shape:
        """The shape of the one output. Raises ShapeError."""
        return x[0]

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        """The learned arrays, for inputs of these shapes."""
        return ()

    def uses(self, x: Shape, y: Shape) -> int:
        """How often a sample is multiplied with each of its matrices of weights.

        x: the shape of the first input, y: of the first output.
        """
        return size_of(y[:-1] if self.units_last else y[1:])

    def running(self, *x: Shape) -> tuple[Parameter, ...]:
        """Arrays that last over the steps and are not learned, as running statistics.

        Saved, restored and rewound with the parameters. Only a layer with `whole_batch` may
        write to them: lanes share one copy.
        """
        return ()

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        """Arrays that forward leaves for backward (masks, winners) or needs in between."""
        return {}

    def looks_up(self, batch: int, vocabulary: int, *x: Shape) -> bool:
        """Whether it works on symbols where the first input is a table's row for each: `e.picked`.

        It need not compute the same of every row again and again, where many are alike.
        """
        return False

    def workspace_for_symbols(self, batch: int, vocabulary: int, *x: Shape
                              ) -> Mapping[str, Shape]:
        """The workspace of a layer that looks up symbols."""
        raise AssertionError(f"{self.kind} looks nothing up")

    def forward(self, e: Emitter) -> None:
        """Emit the instructions that compute `e.y` from `e.x` and the parameters."""
        raise AssertionError(f"{self.kind} emits nothing")

    def backward(self, e: Emitter) -> None:
        """Emit the instructions that compute `e.dx` and the parameter gradients from `e.dy`.

        `e.dx[i]` is None where nobody needs that gradient. Gradients are overwritten, not
        added to: the program sums where an output is read more than once.
        """
        raise AssertionError(f"{self.kind} emits nothing")

    def subtitle(self) -> str:
        """The settings in a few characters, for the node."""
        return ""

    def notes(self, *x: Shape) -> tuple[str, ...]:
        """Things worth knowing about these inputs that are not errors, as sentences."""
        return ()

    def mixes_time(self, axis: int) -> bool:
        """Whether it takes several time steps together where they lie along this axis (0 or 1) of
        a sample, and has no input lengths.
        """
        return False

    def idle_settings(self) -> frozenset[str]:
        """Settings that mean nothing here, as "units" or "augmentation.shift": forms hide them."""
        return frozenset()

    def idle_inputs(self, *x: Shape) -> frozenset[str]:
        """Optional inputs at the end that mean nothing for these shapes, or while none is known:
        the canvas leaves them out."""
        return frozenset()

    def settings(self) -> dict[str, Any]:
        """The settings as JSON values."""
        value = msgspec.to_builtins(self)
        assert isinstance(value, dict)
        return value

    def with_settings(self, **changes: Any) -> Layer:
        """A copy with some settings changed; checked as if it came from a file."""
        return make_layer(self.kind, {**self.settings(), **msgspec.to_builtins(changes)})


def shapes_of(signals: Iterable[Any]) -> tuple[Any, ...]:
    """The shapes of signals, None where an optional input has none."""
    return tuple(None if signal is None else signal.shape for signal in signals)


LAYERS: dict[str, type[Layer]] = {}
"""The catalogue: kind -> class, in palette order."""

CATEGORIES: dict[str, str] = {
    "data": "Data", "source": "Sources", "core": "Core", "conv": "Convolution",
    "pool": "Pooling", "norm": "Normalisation", "activation": "Activation",
    "recurrent": "Recurrent", "sequence": "Sequences", "merge": "Merge", "shape": "Shapes",
    "loss": "Loss",
}
"""Groups of the palette in order: id -> title."""

L = TypeVar("L", bound=type[Layer])


def layer(kind: str, *, category: str, label: str, stem: str = "") -> Callable[[L], L]:
    """Put a class in the catalogue."""

    def register(cls: L) -> L:
        if kind in LAYERS:
            raise ValueError(f"two layers are called {kind!r}")
        if category not in CATEGORIES:
            raise ValueError(f"{kind}: there is no category {category!r}")
        cls.kind, cls.category, cls.label, cls.stem = kind, category, label, stem or kind
        LAYERS[kind] = cls
        return cls

    return register


def make_layer(kind: str, settings: Mapping[str, Any]) -> Layer:
    """A layer from its name and JSON settings; a whole number does for a pair of equal ones.

    Raises KeyError for an unknown kind and ValueError, with a sentence, for a bad setting.
    """
    cls = LAYERS[kind]
    pairs = _pairs(cls)
    widened = {name: [value, value] if type(value) is int and name in pairs else value
               for name, value in settings.items()}
    try:
        return msgspec.convert(widened, cls)
    except msgspec.ValidationError as error:
        raise ValueError(f"{cls.label}: {error}".replace("$.", "")) from error


@functools.cache
def _pairs(cls: type[Layer]) -> frozenset[str]:
    """The settings that are, or can be, a tuple such as (height, width)."""
    return frozenset(field.name for field in msgspec.structs.fields(cls)
                     if _takes_tuple(msgspec.inspect.type_info(field.type)))


def _takes_tuple(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _takes_tuple(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(map(_takes_tuple, kind.types))
    return isinstance(kind, msgspec.inspect.TupleType)


def tooltip(cls: type[Layer]) -> str:
    """The first line of a layer's docstring."""
    return (cls.__doc__ or "").strip().splitlines()[0]


def help_of(cls: type[Layer]) -> tuple[str, ...]:
    """What a layer does, paragraph by paragraph, and what its inputs are for."""
    about = (" ".join(part.split()) for part in (cls.__doc__ or "").split("\n\n"))
    return (*about, *(f"Input {name}: {text}" for name, text in cls.input_help.items()))


__all__ = [
    "CATEGORIES", "LAYERS", "MAX_SIZE", "Examples", "Layer", "Pair", "Parameter", "Shape",
    "ShapeError", "Signal", "about", "help_of", "layer", "make_layer", "shapes_of",
    "show_shape", "size_of", "tooltip",
]
