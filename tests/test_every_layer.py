"""What every layer of the catalogue must do, tried on its sample shapes with all its settings.

A new layer is tested by being in the catalogue: nothing here names one, except where a rule has
an exception.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from msgspec import inspect

from playground.layers import LAYERS
from playground.layers.base import make_layer
from playground.layout import UNREAD
from playground.optimizers import SGD, AdaDelta, AdaGrad, Adam, RMSProp
from tests.cases import CASES, Case, cases, fits, kinds, settings_of, single_changes
from tests.closeness import close
from tests.gradient_check import Bench, wrong_gradients
from tests.networks import signals_of

TOLERANCE = 6e-3
"""Of a gradient against finite differences in float32; they agree to 1e-3 or better, but for
piecewise functions, where every draw has values near a kink."""
ROUNDING = 2e-6
"""Of numbers that are the same but for the order of their sums."""
RANDOM = {"dropout", "spatial_dropout", "gaussian_noise", "fractional_max_pool2d", "random_normal"}
DIFFERS_WHILE_TRAINING = RANDOM | {"batch_norm"}
DRAWN_WHEN_USED = {"random_normal"}
"""Each place of the batch has numbers of its own."""
OVERFLOWS = {"multiply", "attention", "multi_head_attention", "exponential"}
"""Products and powers of huge numbers are beyond float32."""
GATES = ("input_gate", "forget_gate", "output_gate", "reset_gate", "update_gate")
"""Settings whose function is multiplied with something, which only a bounded one may be."""
HUGE = 1e30


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def bench(case: Case) -> Bench:
    return Bench(case.layer, case.shapes)


@pytest.fixture(scope="module")
def two_lanes(case: Case) -> Bench:
    return Bench(case.layer, case.shapes, threads=2)


# -- numbers --------------------------------------------------------------------------------------


def test_gradients_are_slopes(bench: Bench) -> None:
    if not getattr(bench.layer, "truncate", 0):  # Cut short on purpose: parity is the proof.
        assert wrong_gradients(bench, TOLERANCE) == {}


def test_everything_is_written_and_nothing_added_to(bench: Bench) -> None:
    # Outputs, gradients and work space hold NaN before the step.
    for array in bench.play(bench.draw()).arrays():
        assert np.isfinite(array).all()


def test_what_comes_in_stays_as_it_is(bench: Bench) -> None:
    given = bench.draw()
    bench.play(given)
    values = bench.session.values
    for port, x in enumerate(given.x, 1):
        np.testing.assert_array_equal(values(f"feed_{port}.y"), x)
    for name, w in given.w.items():
        np.testing.assert_array_equal(values(f"{bench.id}.{name}"), w)
    if bench.learns and (given.x or given.w):
        np.testing.assert_array_equal(values(bench.gradient), given.dy)


def test_the_same_step_gives_the_same_bits(bench: Bench, two_lanes: Bench) -> None:
    for each in (bench, two_lanes):
        given = each.draw()
        first, *others = (each.play(given) for _ in range(4))
        for other in others:
            for a, b in zip(first.arrays(), other.arrays(), strict=True):
                assert a.tobytes() == b.tobytes()


def test_two_lanes_agree_with_one(bench: Bench, two_lanes: Bench) -> None:
    if bench.layer.kind in RANDOM:
        assert wrong_gradients(two_lanes, TOLERANCE) == {}
        return
    given = bench.draw()
    one, two = bench.play(given), two_lanes.play(given)
    for a, b in zip(one.arrays(), two.arrays(), strict=True):
        close(b, a, ROUNDING, least=1.0)


def test_parameter_gradients_do_not_depend_on_who_asks(case: Case, bench: Bench) -> None:
    # The first layer of a network: nobody asks for the gradients of its inputs.
    first = Bench(case.layer, case.shapes, learns=False)
    given = bench.draw()
    asked, alone = bench.play(given), first.play(given)
    assert asked.y.tobytes() == alone.y.tobytes()
    for name in given.w:
        assert asked.dw[name].tobytes() == alone.dw[name].tobytes()


def test_input_gradients_do_not_depend_on_learning(
        case: Case, bench: Bench, two_lanes: Bench) -> None:
    # Through a frozen layer, or in the pass of a loss that trains others.
    given = bench.draw()
    if not given.w:
        return
    for lanes, learning in enumerate((bench, two_lanes), 1):
        frozen = Bench(case.layer, case.shapes, threads=lanes, frozen=True)
        here, there = learning.play(given), frozen.play(given)
        assert not there.dw
        for a, b in zip(here.arrays()[:1 + len(here.dx)], there.arrays(), strict=True):
            assert a.tobytes() == b.tobytes()
        # And nothing is computed for a gradient that nobody reads.
        program = frozen.session.program
        for instruction in (i for i in program.instructions if i.node == frozen.id):
            unread = [t.name for t in instruction.writes if t.name == UNREAD]
            assert not unread, instruction.kernel.name


def test_what_a_layer_remembers_is_what_training_writes(bench: Bench) -> None:
    written = {tensor.region for i in bench.session.program.instructions if i.node == bench.id
               for tensor in i.writes}
    assert bench.layer.remembers == ("running" in written)


def test_samples_do_not_see_each_other_when_the_network_is_used(bench: Bench) -> None:
    if bench.layer.kind in DRAWN_WHEN_USED:
        return
    given = bench.draw()
    together = bench.infer(given)
    for sample in range(bench.batch):
        alone = bench.infer(given, slice(sample, sample + 1))
        close(alone[0], together[sample], ROUNDING, least=1.0)


def test_training_computes_what_use_computes(bench: Bench) -> None:
    given = bench.draw()
    trained, used = bench.play(given).y, bench.infer(given)
    if bench.layer.kind in DIFFERS_WHILE_TRAINING:
        assert used.shape == trained.shape
    else:
        close(used, trained, ROUNDING, least=1.0)


# -- odd numbers ----------------------------------------------------------------------------------


def test_zeros_are_nothing_special(bench: Bench) -> None:
    for array in bench.play(bench.draw(scale=0.0)).arrays():
        assert np.isfinite(array).all()


def test_huge_inputs_stay_finite_where_float32_can_hold_the_result(bench: Bench) -> None:
    arrays = bench.play(bench.draw(scale=HUGE)).arrays()
    gates = {getattr(bench.layer, name, "sigmoid") for name in GATES}
    if bench.layer.kind not in OVERFLOWS and gates <= {"sigmoid", "tanh"}:
        for array in arrays:
            assert np.isfinite(array).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_crashes_and_nan_is_never_hidden(
        bench: Bench, value: float) -> None:
    drawn = bench.draw()
    given = replace(drawn, x=tuple(np.full_like(x, value) for x in drawn.x))
    y = bench.play(given).y
    if np.isnan(value) and given.x:
        assert np.isnan(y).any()
    # And the next step is as good as new.
    for array in bench.play(drawn).arrays():
        assert np.isfinite(array).all()


def test_a_nan_among_numbers_shows_wherever_a_number_would(bench: Bench) -> None:
    # A maximum, say, must not pass over it.
    given, random = bench.draw(), np.random.default_rng(1)
    for port, x in enumerate(given.x):
        place = tuple(random.integers(size) for size in x.shape)

        def with_value(value: float, port: int = port, place: tuple[int, ...] = place
                       ) -> np.ndarray:
            changed = given.x[port].copy()
            changed[place] = value
            x = (*given.x[:port], changed, *given.x[port + 1:])
            return bench.play(replace(given, x=x)).y

        if not np.array_equal(with_value(0), with_value(1), equal_nan=True) or (
                not np.array_equal(with_value(-9), with_value(9), equal_nan=True)):
            assert np.isnan(with_value(np.nan)).any(), place


# -- words ----------------------------------------------------------------------------------------


def test_the_listing_reads_well(bench: Bench) -> None:
    program = bench.session.program
    own = [i for i in program.instructions if i.node == bench.id]
    computing = [i for i in own if i.phase in ("forward", "backward")]
    assert computing or bench.layer.is_view
    for instruction in own:
        kernel = instruction.kernel
        assert "=" in kernel.formula, f"{kernel.name} has no formula"
        assert set(instruction.operands) == set(kernel.operands)
        for tensor in (*instruction.reads, *instruction.writes):
            assert tensor.name


def test_settings_survive_json(case: Case) -> None:
    written = msgspec.json.encode(case.layer.settings())
    assert make_layer(case.layer.kind, msgspec.json.decode(written)) == case.layer


def test_inference_of_shapes_is_what_the_program_holds(case: Case, bench: Bench) -> None:
    signals = case.layer.infer(*signals_of(case.layer, case.shapes))
    assert len(signals) == len(case.layer.outputs)
    for port, signal in zip(case.layer.outputs, signals, strict=True):
        assert bench.session.values(f"{bench.id}.{port}").shape == (bench.batch, *signal.shape)
    parameters = case.layer.parameters(*case.shapes)
    for parameter in parameters:
        assert bench.session.values(f"{bench.id}.{parameter.name}").shape == parameter.shape


# -- the class itself -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds())
def test_a_layer_says_what_it_takes(kind: str) -> None:
    cls = LAYERS[kind]
    assert len(cls.samples) >= 2
    for shapes in cls.samples:
        required = len(set(cls.inputs) - cls.optional)
        assert required <= len(shapes) <= len(cls.inputs) or (cls.variadic and len(shapes) >= 2)
        assert fits(make_layer(kind, {}), shapes)
    assert isinstance(make_layer(kind, {}).subtitle(), str)


@pytest.mark.parametrize("kind", kinds())
def test_some_sizes_are_odd_and_no_two_axes_alike(kind: str) -> None:
    shapes = {shape for shapes in LAYERS[kind].samples for shape in shapes if shape}
    if shapes:
        assert any(size % 2 for shape in shapes for size in shape)
    several = [shape for shape in shapes if len(shape) > 1]
    assert not several or any(len(set(shape)) == len(shape) for shape in several)


def test_each_setting_works_at_two_values_at_least() -> None:
    for kind in kinds():
        for name in settings_of(LAYERS[kind]):
            working = {
                str(layer.settings()[name]) for changed, layer in single_changes(kind)
                if changed == name and any(fits(layer, shapes) for shapes in layer.samples)}
            assert len(working) >= 2, f"{kind}.{name} works only at {working}"


@pytest.mark.parametrize("kind", LAYERS)
def test_each_setting_has_help_and_limits(kind: str) -> None:
    info = inspect.type_info(LAYERS[kind])
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        described = field.type
        assert isinstance(described, inspect.Metadata), field.name
        assert (described.extra_json_schema or {}).get("description", "").endswith("."), field.name
        inner = described.type
        if isinstance(inner, inspect.IntType | inspect.FloatType):
            assert (inner.ge, inner.gt) != (None, None), field.name
            assert (inner.le, inner.lt) != (None, None), field.name


def test_nothing_is_called_as_what_an_optimizer_keeps() -> None:
    # Both are named after the node: "dense_1.velocity".
    kept = {slot for optimizer in (Adam(amsgrad=True), AdaGrad(), AdaDelta(),
                                   SGD(momentum=0.9), RMSProp(centered=True, momentum=0.9))
            for slot in optimizer.slots}
    assert {"velocity", "mean", "square"} <= kept
    for case in CASES:
        own = {*case.layer.workspace(4, *case.shapes), *case.layer.outputs,
               *(p.name for p in case.layer.parameters(*case.shapes)),
               *(p.name for p in case.layer.running(*case.shapes))}
        assert own & kept == set(), case


@pytest.mark.parametrize("kind", kinds())
def test_a_pair_may_be_written_as_one_number(kind: str) -> None:
    for name, value in make_layer(kind, {}).settings().items():
        if isinstance(value, list) and len(value) == 2:
            assert make_layer(kind, {name: 1}) == make_layer(kind, {name: [1, 1]})


@pytest.mark.parametrize("kind", kinds())
def test_a_whole_number_is_as_good_as_a_float(kind: str) -> None:
    # In code nothing converts: an int must not reach a kernel that reads the bits of a float.
    cls, shapes = LAYERS[kind], LAYERS[kind].samples[0]
    for name, value in make_layer(kind, {}).settings().items():
        if isinstance(value, float):
            whole = 1 if max(settings_of(cls)[name]) >= 1 else 0
            one, two = (Bench(cls(**{name: number}), shapes) for number in (whole, float(whole)))
            given = one.draw()
            for a, b in zip(one.play(given).arrays(), two.play(given).arrays(), strict=True):
                assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("kind", kinds())
def test_unknown_settings_and_wrong_values_are_refused_in_a_sentence(kind: str) -> None:
    with pytest.raises(ValueError, match=LAYERS[kind].label):
        make_layer(kind, {"colour": "red"})
    for name in settings_of(LAYERS[kind]):
        with pytest.raises(ValueError, match=LAYERS[kind].label):
            make_layer(kind, {name: {"not": "this"}})


def test_there_is_a_case_for_every_layer() -> None:
    assert all(cases(kind) for kind in kinds())
    assert len({str(case) for case in CASES}) == len(CASES)
