"""Every kernel against plain NumPy in float64, on sizes that no vector width divides."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from kernels import (
    activation,
    clip,
    dense,
    elementwise,
    loss,
    optimizer,
    schedule,
    statistics,
)

N = 37
WILD = [np.nan, np.inf, -np.inf]
Out = Callable[..., np.ndarray]


def normal(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(0, 2, shape).astype(np.float32)


def one(value: float) -> np.ndarray:
    return np.array([value], np.float32)


def close(actual: np.ndarray, expected: object, tolerance: float = 2e-6) -> None:
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.fixture
def out() -> Iterator[Out]:
    """Makes outputs full of NaN; in the end, nothing may be written around them."""
    blocks: list[tuple[np.ndarray, int]] = []

    def make(*shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        block = np.full(size + 32, np.nan, np.float32)
        block[:16] = block[-16:] = 123
        blocks.append((block, size))
        return block[16:16 + size].reshape(shape)

    yield make
    for block, size in blocks:
        assert (block[:16] == 123).all()
        assert (block[16 + size:] == 123).all()


# -- dense ----------------------------------------------------------------------------------------

SIZES = [(1, 1, 1), (5, 3, 2), (32, 2, 8), (7, 13, 1), (33, 70, 41), (61, 203, 197), (519, 3, 50),
         (515, 203, 61), (33, 1027, 517)]


@pytest.mark.parametrize(("batch", "inputs", "units"), SIZES)
def test_dense(batch: int, inputs: int, units: int, out: Out) -> None:
    sizes = {"batch": batch, "inputs": inputs, "units": units}
    x, w, b = normal(batch, inputs), normal(units, inputs), normal(units)
    dy, y, plain = normal(batch, units), out(batch, units), out(batch, units)
    dw, db, dx = out(units, inputs), out(units), out(batch, inputs)
    dense.dense_forward(**sizes, x=x, w=w, b=b, y=y)
    dense.dense_forward_no_bias(**sizes, x=x, w=w, y=plain)
    dense.dense_weight_gradient(**sizes, x=x, dy=dy, dw=dw)
    dense.dense_bias_gradient(batch=batch, units=units, dy=dy, db=db)
    dense.dense_input_gradient(**sizes, dy=dy, w=w, dx=dx)
    x, w, b, dy = (array.astype(np.float64) for array in (x, w, b, dy))
    tolerance = 1.5e-7 * max(200, batch, inputs)  # rounding grows with the terms of a sum
    close(y, x @ w.T + b, tolerance)
    close(plain, x @ w.T, tolerance)
    close(dw, dy.T @ x, tolerance)
    close(db, dy.sum(0), tolerance)
    close(dx, dy @ w, tolerance)


@pytest.mark.parametrize(("batch", "inputs", "units"), SIZES)
@pytest.mark.parametrize("wild", WILD)
def test_dense_passes_on_what_is_not_finite(
        batch: int, inputs: int, units: int, wild: float, out: Out) -> None:
    x, w, y = normal(batch, inputs), np.abs(normal(units, inputs)) + 1, out(batch, units)
    x[-1, -1] = wild
    dense.dense_forward(batch=batch, inputs=inputs, units=units, x=x, w=w, b=normal(units), y=y)
    np.testing.assert_array_equal(y[-1], np.full(units, wild, np.float32))
    assert np.isfinite(y[:-1]).all()


# -- activations ----------------------------------------------------------------------------------


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


FUNCTIONS: dict[str, tuple[Callable, Callable, dict[str, float]]] = {
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x)), {}),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, {}),
    "relu": (lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0), {}),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.1 * x),
                   lambda x: np.where(x > 0, 1, 0.1), {"slope": 0.1}),
    "elu": (lambda x: np.where(x > 0, x, 1.5 * np.expm1(x)),
            lambda x: np.where(x > 0, 1, 1.5 * np.exp(x)), {"alpha": 1.5}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activation(name: str, out: Out) -> None:
    function, slope, operands = FUNCTIONS[name]
    forward = getattr(activation, f"{name}_forward")
    backward = getattr(activation, f"{name}_backward")
    x, dy, y, dx = normal(N), normal(N, seed=2), out(N), out(N)
    forward(n=N, **operands, x=x, y=y)
    backward(n=N, **operands, y=y, dy=dy, dx=dx)
    close(y, function(x.astype(np.float64)))
    close(dx, slope(x.astype(np.float64)) * dy)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activation_at_its_limits(name: str, out: Out) -> None:
    x = np.array([*WILD, 0, 1e30, -1e30, 1e-30] * 5, np.float32)
    y = out(x.size)
    operands = FUNCTIONS[name][2]
    getattr(activation, f"{name}_forward")(n=x.size, **operands, x=x, y=y)
    with np.errstate(over="ignore"):
        close(y, FUNCTIONS[name][0](x.astype(np.float64)))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 3), (3, 41)])
def test_softmax(rows: int, columns: int, out: Out) -> None:
    x, dy, y, dx = normal(rows, columns), normal(rows, columns, seed=2), out(rows, columns), \
        out(rows, columns)
    x[-1] *= 40  # e^x alone would overflow
    activation.softmax_forward(rows=rows, columns=columns, x=x, y=y)
    activation.softmax_backward(rows=rows, columns=columns, y=y, dy=dy, dx=dx)
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    close(y, p)
    close(dx, p * (dy - (p * dy).sum(1, keepdims=True)))


def test_softmax_keeps_nan_in_its_row(out: Out) -> None:
    x, y = normal(3, 4), out(3, 4)
    x[1, 2] = np.nan
    activation.softmax_forward(rows=3, columns=4, x=x, y=y)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2]]).all()


# -- element by element ---------------------------------------------------------------------------


def test_elementwise(out: Out) -> None:
    a, b, y = normal(N), normal(N, seed=2), out(N)
    elementwise.add(n=N, a=a, b=b, y=y)
    close(y, a + b)
    elementwise.add_into(n=N, x=a, y=y)
    close(y, a + b + a)
    elementwise.multiply(n=N, a=a, b=b, y=y)
    close(y, a * b)
    elementwise.multiply_into(n=N, x=b, y=y)
    close(y, a * b * b)
    elementwise.copy(n=N, x=a, y=y)
    np.testing.assert_array_equal(y, a)
    elementwise.fill_zero(n=N, y=y)
    assert (y == 0).all()


def test_copy_blocks_there_and_back(out: Out) -> None:
    parts, joined, back = [normal(3, width) for width in (5, 2, 9)], out(3, 16), out(3, 2)
    for part, start in zip(parts, (0, 5, 7), strict=True):
        elementwise.copy_blocks(
            rows=3, width=part.shape[1], from_stride=part.shape[1], from_offset=0,
            to_stride=16, to_offset=start, x=part, y=joined)
    np.testing.assert_array_equal(joined, np.concatenate(parts, 1))
    elementwise.copy_blocks(rows=3, width=2, from_stride=16, from_offset=5, to_stride=2,
                            to_offset=0, x=joined, y=back)
    np.testing.assert_array_equal(back, parts[1])


# -- losses ---------------------------------------------------------------------------------------

TOTAL = 20  # of which the lane at hand has 11


@pytest.mark.parametrize("batch", [11, 32, 70])
def test_softmax_cross_entropy(batch: int, out: Out) -> None:
    x, target = normal(batch, 5) * 10, (np.arange(batch) * 3 % 5).astype(np.float32)
    p, value, metric, dx = out(batch, 5), out(1), out(1), out(batch, 5)
    sizes = {"batch": batch, "total": 2 * batch, "classes": 5, "count": 0}
    loss.softmax_cross_entropy(**sizes, logits=x, target=target, probabilities=p, loss=value,
                               metric=metric)
    loss.softmax_cross_entropy_backward(**sizes, probabilities=p, target=target, dlogits=dx)
    truth = target.astype(int)
    shifted = x.astype(np.float64) - x.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    close(p, np.exp(logs))
    close(value, -logs[np.arange(batch), truth].mean() / 2)
    close(metric, (x.argmax(1) == truth).mean() / 2)
    close(dx, (np.exp(logs) - np.eye(5)[truth]) / (2 * batch))


def test_softmax_cross_entropy_of_many_classes(out: Out) -> None:
    """The product of 128 sums of 5000 is beyond float64, that of 32 beyond float32."""
    value = out(1)
    loss.softmax_cross_entropy(batch=128, total=128, classes=5000, count=0, loss=value,
                               metric=out(1), logits=np.zeros((128, 5000), np.float32),
                               target=np.zeros(128, np.float32), probabilities=out(128, 5000))
    close(value, np.log(5000))


def test_binary_cross_entropy(out: Out) -> None:
    p = np.array([[0.2, 0.9, 1.0], [0.0, 0.5, 1e-20]], np.float32)
    t = np.array([[0.0, 1.0, 0.25], [1.0, 0.3, 0.0]], np.float32)
    sizes, value, dp = {"batch": 2, "total": TOTAL, "features": 3}, out(1), out(2, 3)
    loss.binary_cross_entropy(**sizes, prediction=p, target=t, loss=value)
    loss.binary_cross_entropy_backward(**sizes, prediction=p, target=t, dprediction=dp)
    q = p.astype(np.float64)
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(q), -100), np.maximum(np.log(1 - q), -100)
    close(value, -(t * yes + (1 - t) * no).sum() / (3 * TOTAL))
    np.testing.assert_allclose(dp, (q - t) / np.maximum(q * (1 - q), 1e-12) / (3 * TOTAL), 1e-5)


def test_mean_squared_error(out: Out) -> None:
    p, t, value, metric, dp = normal(11, 3), normal(11, 3, seed=2), out(1), out(1), out(11, 3)
    sizes = {"batch": 11, "total": TOTAL, "features": 3, "prediction": p, "target": t}
    loss.mean_squared_error(**sizes, loss=value)
    loss.mean_squared_error_backward(**sizes, dprediction=dp)
    loss.mean_absolute_error(**sizes, mean=metric)
    d = p.astype(np.float64) - t
    close(value, (d**2).sum() / (3 * TOTAL))
    close(dp, 2 * d / (3 * TOTAL))
    close(metric, np.abs(d).sum() / (3 * TOTAL))


def test_mean_squared_error_of_classes(out: Out) -> None:
    p, t = normal(11, 4), (np.arange(11) % 4).astype(np.float32)
    value, metric, dp = out(1), out(1), out(11, 4)
    sizes = {"batch": 11, "total": TOTAL, "classes": 4, "prediction": p, "target": t}
    loss.mean_squared_error_classes(**sizes, loss=value)
    loss.mean_squared_error_classes_backward(**sizes, dprediction=dp)
    loss.accuracy(**sizes, metric=metric)
    d = p - np.eye(4)[t.astype(int)]
    close(value, (d**2).sum() / (4 * TOTAL))
    close(dp, 2 * d / (4 * TOTAL))
    close(metric, (p.argmax(1) == t).sum() / TOTAL)


def test_binary_accuracy(out: Out) -> None:
    p, t = np.array([0.4, 0.6, 0.51, 0.2, 0.7], np.float32), np.array([0, 1, 0, 1, 1], np.float32)
    metric = out(1)
    loss.binary_accuracy(batch=5, total=10, prediction=p, target=t, metric=metric)
    close(metric, 0.3)


def test_nan_reaches_every_loss(out: Out) -> None:
    p, t, value = np.full((3, 2), 0.5, np.float32), np.zeros(3, np.float32), out(1)
    p[1, 1] = np.nan
    values = {"batch": 3, "total": 3, "prediction": p, "target": np.zeros((3, 2), np.float32)}
    loss.softmax_cross_entropy(batch=3, total=3, classes=2, count=0, logits=p, target=t,
                               probabilities=out(3, 2), loss=value, metric=out(1))
    assert np.isnan(value)
    for kernel in (loss.mean_squared_error, loss.binary_cross_entropy):
        value[:] = 0
        kernel(**values, features=2, loss=value)
        assert np.isnan(value)
    value[:] = 0
    loss.mean_squared_error_classes(**{**values, "target": t}, classes=2, loss=value)
    assert np.isnan(value)


# -- optimizers and schedules ---------------------------------------------------------------------


def ratio_of(squares: np.ndarray, out: Out) -> np.ndarray:
    ratio = out(1)
    optimizer.update_ratios(n=1, lanes=squares.size // 2, stride=1, squares=squares, ratios=ratio)
    return ratio


def test_update_ratio_is_over_all_lanes(out: Out) -> None:
    assert ratio_of(np.array([9.0, 100.0, 16.0, 0.0]), out) == 0.5


@pytest.mark.parametrize("measured", [True, False])
def test_sgd(measured: bool, out: Out) -> None:
    rate, momentum, decay = 0.1, 0.9, 0.01
    w, v, squares = normal(N), np.zeros(N, np.float32), np.zeros(2)
    truth_w, truth_v = w.astype(np.float64), np.zeros(N)
    for step in range(4):
        g = normal(N, seed=step + 5)
        row = {"n": N, "learning_rate": one(rate), "momentum": one(momentum),
               "weight_decay": one(decay), "gradient": g, "weights": w, "velocity": v}
        if measured:
            optimizer.sgd_update(**row, squares=squares)
        else:
            optimizer.sgd_update_plain(**row)
        truth_v = momentum * truth_v + g + decay * truth_w
        ratio = np.linalg.norm(rate * truth_v) / np.linalg.norm(truth_w)
        truth_w = truth_w - rate * truth_v
        close(w, truth_w)
        close(v, truth_v)
        assert not measured or ratio_of(squares, out) == pytest.approx(ratio, rel=1e-5)


@pytest.mark.parametrize("measured", [True, False])
def test_adam(measured: bool, out: Out) -> None:
    rate, beta1, beta2, epsilon, decay = 0.1, 0.9, 0.99, 1e-3, 0.01
    w, m, s, squares = normal(N), np.zeros(N, np.float32), np.zeros(N, np.float32), np.zeros(2)
    truth_w, truth_m, truth_s = w.astype(np.float64), np.zeros(N), np.zeros(N)
    for step in range(4):
        g = normal(N, seed=step + 5)
        row = {"n": N, "decoupled": 0, "learning_rate": one(rate), "beta1": one(beta1),
               "beta2": one(beta2), "epsilon": one(epsilon), "weight_decay": one(decay),
               "counters": np.array([step]), "gradient": g, "weights": w, "mean": m, "square": s}
        if measured:
            optimizer.adam_update(**row, squares=squares)
        else:
            optimizer.adam_update_plain(**row)
        h = g + decay * truth_w
        truth_m = beta1 * truth_m + (1 - beta1) * h
        truth_s = beta2 * truth_s + (1 - beta2) * h**2
        update = rate * truth_m / (1 - beta1 ** (step + 1)) / (
            np.sqrt(truth_s / (1 - beta2 ** (step + 1))) + epsilon)
        ratio = np.linalg.norm(update) / np.linalg.norm(truth_w)
        truth_w = truth_w - update
        close(w, truth_w, 1e-5)
        close(m, truth_m)
        close(s, truth_s)
        assert not measured or ratio_of(squares, out) == pytest.approx(ratio, rel=1e-5)


def test_adam_leaves_weights_without_gradient_alone() -> None:
    w, zeros = normal(N), np.zeros(N, np.float32)
    before = w.copy()
    optimizer.adam_update_plain(
        n=N, decoupled=0, learning_rate=one(1), beta1=one(0.9), beta2=one(0.999), epsilon=one(1e-8),
        weight_decay=one(0), counters=np.array([0]), gradient=zeros, weights=w,
        mean=zeros.copy(), square=zeros.copy())
    np.testing.assert_array_equal(w, before)


@pytest.mark.parametrize(("gradient", "weights", "ratio"), [
    (0.0, 0.0, 0.0), (0.0, 3.0, 0.0), (3.0, 4.0, 0.75), (3.0, 0.0, np.inf),
    (np.nan, 1.0, np.nan), (1e30, 1.0, 1e30), (1e-20, 1.0, 1e-20), (1e-20, 2e-20, 0.5),
    (1e19, 1e20, 0.1), (np.inf, 1.0, np.inf), (1e15, 1e-12, 1e27)])
def test_update_ratio(gradient: float, weights: float, ratio: float, out: Out) -> None:
    squares = np.zeros(2)
    optimizer.sgd_update(n=5, learning_rate=one(1), momentum=one(0), weight_decay=one(0),
                         gradient=np.full(5, gradient, np.float32),
                         weights=np.full(5, weights, np.float32),
                         velocity=np.zeros(5, np.float32), squares=squares)
    np.testing.assert_allclose(ratio_of(squares, out), [ratio], 1e-6)


@pytest.mark.parametrize(("weights", "learning_rate"), [(1.0, 1e-30), (3e-20, 1e-20), (1e30, 1e29)])
def test_adams_update_ratio_where_squares_leave_float32(
        weights: float, learning_rate: float, out: Out) -> None:
    squares = np.zeros(2)
    optimizer.adam_update(
        n=N, decoupled=0, learning_rate=one(learning_rate), beta1=one(0.9), beta2=one(0.999),
        epsilon=one(0), weight_decay=one(0), counters=np.array([0]),
        gradient=np.full(N, 0.1, np.float32), weights=np.full(N, weights, np.float32),
        mean=np.zeros(N, np.float32), square=np.zeros(N, np.float32), squares=squares)
    # The first step of Adam is the learning rate, whatever the gradient.
    np.testing.assert_allclose(ratio_of(squares, out), [learning_rate / weights], 1e-5)


def test_schedules(out: Out) -> None:
    base, rate = one(0.5), out(1)
    for step in (0, 1, 9, 10, 25, 99):
        counters, epoch = np.array([step, 30]), step // 10 + 3
        schedule.schedule_constant(base=base, learning_rate=rate)
        close(rate, 0.5)
        schedule.schedule_factor(factor_per_epoch=0.9, warmup=0, batches_per_epoch=10,
                                 counters=counters, base=base, learning_rate=rate)
        close(rate, 0.5 * 0.9**epoch)
        schedule.schedule_step(every=3, gamma=0.1, warmup=0, batches_per_epoch=10,
                               counters=counters, base=base, learning_rate=rate)
        close(rate, 0.5 * 0.1 ** (epoch // 3))
        schedule.schedule_exponential(rate=0.01, warmup=0, counters=counters, base=base,
                                      learning_rate=rate)
        close(rate, 0.5 * np.exp(-0.01 * step))


# -- clipping -------------------------------------------------------------------------------------


def test_clip_by_value() -> None:
    g = np.array([0.5, -3, 2, -0.1, *WILD], np.float32)
    clip.clip_by_value(n=g.size, threshold=one(1.5), gradient=g)
    np.testing.assert_array_equal(g, np.array([0.5, -1.5, 1.5, -0.1, np.nan, 1.5, -1.5], "f4"))


@pytest.mark.parametrize(("norm", "scale"), [
    (10.0, 0.2), (2.0, 1.0), (1.0, 1.0), (np.nan, 1.0), (np.inf, 1.0)])
def test_clip_by_norm(norm: float, scale: float, out: Out) -> None:
    g, before = normal(N), normal(N)
    clip.clip_by_norm(n=N, threshold=one(2), norm=one(norm), gradient=g)
    close(g, before * scale)


def test_clipped_norms() -> None:
    before = np.array([[7, 9], [1, 9], [np.nan, 9], [np.inf, 9], [2, 9]], np.float32)
    for reference, scale in ((10.0, 0.2), (2.0, 1.0), (1.0, 1.0), (np.nan, 1.0), (np.inf, 1.0)):
        after = before.copy()
        clip.clipped_norms(n=5, stride=2, each=0, threshold=one(2), references=one(reference),
                           norms=before, clipped_norms=after)
        close(after, before * np.array([scale, 1]))
    after = before.copy()
    clip.clipped_norms(n=5, stride=2, each=2, threshold=one(2), references=before, norms=before,
                       clipped_norms=after)
    close(after, [[2, 9], [1, 9], [np.nan, 9], [np.inf, 9], [2, 9]])


def test_clipping_is_flagged(out: Out) -> None:
    flag = out(1)
    for before, after, expected in ((3, 2, 1), (3, 3, 0), (3, 3 * (1 - 1e-7), 0), (0, 0, 0)):
        clip.clipped(before=one(before), after=one(after), flag=flag)
        assert flag == expected


def test_global_norm(out: Out) -> None:
    rows, norm = normal(4, 3), out(1)
    clip.global_norm(n=4, stride=3, norms=rows, norm=norm)
    close(norm, np.linalg.norm(rows[:, 0]))
    rows[2, 0] = np.inf
    clip.global_norm(n=4, stride=3, norms=rows, norm=norm)
    assert norm == np.inf


# -- measurements ---------------------------------------------------------------------------------


def gradient_statistics(g: np.ndarray, out: Out, gaps: int = 0, lanes: int = 1) -> np.ndarray:
    parts, result = out(lanes, 4), out(4)
    if lanes == 1:
        statistics.gradient_statistics(n=g.size, gaps=gaps, gradient=g, out=result)
        return result
    for part, share in zip(parts, np.array_split(g, lanes), strict=True):
        statistics.gradient_part(n=share.size, gradient=share, out=part)
    statistics.join_gradient_parts(lanes=lanes, n=g.size, gaps=gaps, parts=parts, out=result)
    return result


@pytest.mark.parametrize("lanes", [1, 3])
def test_gradient_statistics(lanes: int, out: Out) -> None:
    g = normal(N)
    g[[3, 20]] = 0
    g[5] = -50
    g[6] = -0.0
    close(gradient_statistics(g, out, lanes=lanes),
          [np.linalg.norm(g.astype(np.float64)), 50, 3 / N, 0])


@pytest.mark.parametrize("lanes", [1, 2])
def test_gaps_between_parameters_are_no_zeros(lanes: int, out: Out) -> None:
    g = np.array([1, 0, 2, 0, 0, 0, 3, 4], np.float32)
    result = gradient_statistics(g, out, 3, lanes)
    assert result[2] == pytest.approx(1 / 5)


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("place", [0, 17, N - 1])
@pytest.mark.parametrize("lanes", [1, 2])
def test_gradient_statistics_show_what_is_not_finite(
        wild: float, place: int, lanes: int, out: Out) -> None:
    g, norm = normal(N), out(1)
    g[place] = wild
    result = gradient_statistics(g, out, lanes=lanes)
    statistics.vector_norm(n=N, x=g, norm=norm)
    np.testing.assert_array_equal(result, np.array([abs(wild), abs(wild), 0, 1], np.float32))
    np.testing.assert_array_equal(norm, np.array([abs(wild)], np.float32))


def test_norms_neither_overflow_nor_vanish(out: Out) -> None:
    norm = out(1)
    for size in (1e30, 1e-30):
        g = np.full(N, size, np.float32)
        result = gradient_statistics(g, out, lanes=2)
        statistics.vector_norm(n=N, x=g, norm=norm)
        np.testing.assert_allclose([result[0], norm[0]], size * np.sqrt(N), 1e-6)


def activation_statistics(y: np.ndarray, out: Out, lanes: int = 1) -> np.ndarray:
    """In one go, or lane by lane."""
    parts, result = out(lanes, 4), out(2)
    if lanes == 1:
        statistics.activation_statistics(n=y.size, y=y, out=result)
        return result
    for part, share in zip(parts, np.array_split(y, lanes), strict=True):
        statistics.activation_part(n=share.size, y=share, out=part)
    statistics.join_activation_parts(lanes=lanes, parts=parts, out=result)
    return result


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_activation_statistics(lanes: int, out: Out) -> None:
    y = normal(N) * 0.01 + 30
    y[:N // 2] += 1  # Lanes differ.
    close(activation_statistics(y, out, lanes), [y.mean(dtype=np.float64), y.std(dtype=np.float64)])
    # Here the mean of the squares comes out just below the square of the mean.
    close(activation_statistics(np.full(1001, 0.1, np.float32), out, lanes), [0.1, 0])
    for factor in (1e-30, 1, 1e30):  # whose squares leave single precision
        spread = normal(N) * np.float32(factor)
        close(activation_statistics(spread, out, lanes),
              [spread.mean(dtype=np.float64), spread.std(dtype=np.float64)])
    y[7] = np.nan
    assert np.isnan(activation_statistics(y, out, lanes)).all()


@pytest.mark.parametrize("units", [1, 2, 15, 16, 17, 64, 100])
@pytest.mark.parametrize("batch", [1, 2, 7, 32])
@pytest.mark.parametrize(("low", "high"), [(0.0, np.inf), (-2.0, 2.0)])
def test_unit_statistics(batch: int, units: int, low: float, high: float, out: Out) -> None:
    y, result = normal(batch, units) + 30 * (np.arange(units) % 3 - 1).astype(np.float32), out(3)
    y[-1, 0] = 1  # at work in the last sample alone
    statistics.unit_statistics(batch=batch, units=units, low=low, high=high, y=y, out=result)
    inactive = ((y <= low) | (y >= high)).all(axis=0).mean()
    close(result, [y.mean(dtype=np.float64), y.std(dtype=np.float64), inactive], 1e-5)


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("place", [0, 17, N - 1])
def test_unit_statistics_show_what_is_not_finite(wild: float, place: int, out: Out) -> None:
    y, result = np.full((3, N), 2, np.float32), out(3)
    y[1, place] = wild
    statistics.unit_statistics(batch=3, units=N, low=-1.0, high=1.0, y=y, out=result)
    assert not np.isfinite(result[:2]).any()
    # A unit that gives NaN is neither dead nor saturated.
    assert result[2] == np.float32(1 - np.isnan(wild) / N)


@pytest.mark.parametrize("positions", [1, 6])
def test_unit_activity(positions: int, out: Out) -> None:
    y, share = np.full((7, 5, positions), 0.5, np.float32), out(1)
    y[:, 1], y[:, 3] = 0, 1  # dead and saturated
    y[:, 4], y[6, 4, -1] = 0, 0.2  # at work once
    statistics.unit_activity(batch=7, units=5, positions=positions, low=0.0, high=1.0, y=y,
                             seen=np.full(5, 9, np.int32), out=share)
    close(share, 2 / 5)


@pytest.mark.parametrize("wild", WILD)
def test_guard(wild: float) -> None:
    halt = np.array([5])
    for value, norm, expected in ((1, 1, 0), (wild, 1, 1), (1, wild, 1), (1, 1, 0)):
        statistics.guard(loss=one(value), norm=one(norm), halt=halt)
        assert halt == expected


def test_record_gathers_steps_in_buckets() -> None:
    ring = np.zeros((2, 7), np.float32)
    for step in range(7):
        statistics.record(columns=2, rows=2, counters=np.array([step]), per_bucket=np.array([3]),
                          row=np.array([step, np.nan if step == 4 else -step], np.float32),
                          ring=ring)
    np.testing.assert_array_equal(ring[0], [1, 6, -6, 6, -6, 6, -6])
    np.testing.assert_array_equal(ring[1, [0, 1, 3, 5]], [3, 12, 3, 5])
    assert np.isnan(ring[1, [2, 4]]).all()
