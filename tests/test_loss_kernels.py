"""The kernels of losses against plain NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import loss
from tests.kernel_numbers import Out, close, normal

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
