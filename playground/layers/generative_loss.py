"""Losses of networks that make samples: they compare with no target."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import kernels
from playground.emitter import Emitter
from playground.layers.base import ShapeError, Signal, about, layer, show_shape, size_of
from playground.layers.loss_layer import LossLayer


@layer("gaussian_kl", category="loss", label="KL of a Gaussian code", stem="loss")
class GaussianKL(LossLayer, frozen=True, kw_only=True):
    """Pulls the code of a variational autoencoder towards the standard normal distribution.

    The sum over the code of the divergence from N(0, 1), the mean over the batch; Kingma and
    Welling 2014. Set its weight (β) against the loss of the reconstruction.
    """

    other_names = ("VAE",)
    formula = "L = ½ Σ (μ² + σ² - 1 - log σ²)"
    inputs = ("mean", "log_variance")

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        mean, log_variance = x
        if mean.shape != log_variance.shape:
            raise ShapeError(
                f"The means are {show_shape(mean.shape)}, the logarithms of the variances "
                f"{show_shape(log_variance.shape)}. Give both layers the same units.")
        return ()

    def metric_name(self, *x: Signal) -> str:
        return "mean abs code"

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.generative.gaussian_kl, n=e.x[0].size, total=e.total,
               features=size_of(e.x[0].shape[1:]), mean=e.x[0], log_variance=e.x[1],
               loss=e.work["loss"], metric=e.work["metric"])

    def backward(self, e: Emitter) -> None:
        dmean, dlog_variance = e.dx
        if dmean is not None:
            e.emit(kernels.generative.gaussian_kl_backward_mean, n=dmean.size, total=e.total,
                   mean=e.x[0], dmean=dmean)
        if dlog_variance is not None:
            e.emit(kernels.generative.gaussian_kl_backward_variance, n=dlog_variance.size,
                   total=e.total, log_variance=e.x[1], dlog_variance=dlog_variance)


@layer("adversarial", category="loss", label="Adversarial (GAN)", stem="loss")
class Adversarial(LossLayer, frozen=True, kw_only=True):
    """One of the losses of two players: the judge on real samples, on made ones, and the maker.

    It takes the judge's score, without activation: the higher, the more real. Three of them make
    a GAN: let the first two train the judge's group, the third, on made samples, the maker's.
    """

    other_names = ("discriminator", "generator", "non-saturating", "least squares", "Wasserstein",
                   "critic")
    formula = "L = softplus(∓x), or ½ (x - t)², or ∓x"
    inputs = ("score",)

    game: Annotated[Literal["minimax", "non_saturating", "least_squares", "wasserstein"], about(
        "minimax: the logarithm of the probability that the judge gives; non_saturating: the "
        "maker follows log p instead of -log(1 - p), which is flat while it loses (both "
        "Goodfellow et al. 2014); least_squares: half the squared distance from 1 (real) or 0 "
        "(Mao et al. 2017); wasserstein: the score itself (Arjovsky et al. 2017), which needs "
        "Clip weights on the judge's nodes.")] = "non_saturating"
    role: Annotated[Literal["judge_on_real", "judge_on_made", "maker"], about(
        "Whose loss it is; the judge has one for real samples and one for made ones.")] = (
            "judge_on_real")

    boundaries: ClassVar[dict[str, float]] = {
        "minimax": 0.0, "non_saturating": 0.0, "least_squares": 0.5}
    """Scores above are taken for real. A critic's scores only mean something side by side."""

    def metric_name(self, *x: Signal) -> str:
        if self.game == "wasserstein":
            return "mean score"
        return "share taken for real" if self.role == "maker" else "share judged right"

    def forward(self, e: Emitter) -> None:
        k, loss, metric = kernels.generative, e.work["loss"], e.work["metric"]
        sizes = self._sizes(e)
        if self.game == "wasserstein":
            e.emit(k.signed_mean, **sizes, sign=self._sign, score=e.x[0], mean=loss)
            e.emit(k.signed_mean, **sizes, sign=1.0, score=e.x[0], mean=metric)
            return
        if self.game == "least_squares":
            e.emit(k.mean_squared_distance, **sizes, goal=self._goal, score=e.x[0], loss=loss)
        else:
            e.emit(k.mean_softplus, **sizes, **self._softplus, score=e.x[0], loss=loss)
        e.emit(k.share_beyond, **sizes, boundary=self.boundaries[self.game],
               below=int(self.role == "judge_on_made"), score=e.x[0], share=metric)

    def backward(self, e: Emitter) -> None:
        k, sizes, score, dscore = kernels.generative, self._sizes(e), e.x[0], e.dx[0]
        if dscore is None:
            return
        if self.game == "wasserstein":
            e.emit(kernels.elementwise.fill, n=dscore.size, value=self._sign / sizes["count"],
                   y=dscore)
        elif self.game == "least_squares":
            e.emit(k.mean_squared_distance_backward, **sizes, goal=self._goal, score=score,
                   dscore=dscore)
        else:
            e.emit(k.mean_softplus_backward, **sizes, **self._softplus, score=score,
                   dscore=dscore)

    def subtitle(self) -> str:
        return f"{self.game}, {self.role}".replace("_", " ")

    def _sizes(self, e: Emitter) -> dict[str, Any]:
        """The mean is over all scores: a judge may give many, one for each patch of an image."""
        return {"n": e.x[0].size, "count": e.total * size_of(e.x[0].shape[1:])}

    @property
    def _sign(self) -> float:
        """-1 where the score should rise, 1 where it should fall."""
        return 1.0 if self.role == "judge_on_made" else -1.0

    @property
    def _goal(self) -> float:
        return 0.0 if self.role == "judge_on_made" else 1.0

    @property
    def _softplus(self) -> dict[str, Any]:
        """The minimax maker makes the judge's -log(1 - p) large; all others make -log p small."""
        if (self.game, self.role) == ("minimax", "maker"):
            return {"sign": 1.0, "scale": -1.0}
        return {"sign": self._sign, "scale": 1.0}
