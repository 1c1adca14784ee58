"""A linear classifier on frozen latents: how much of the labels a plane can read from them."""

from grounding import _registry as register
from grounding.metrics.arrays import Array, as_labels, as_points


@register.metric(
    "linear_probe_accuracy",
    title="linear probe",
    report="probes",
    axis="classes",
    better="higher",
    tables=("index", "compare", "seeds"),
    place=2,
)
def linear_probe_accuracy(
    train_z: Array, train_labels: Array, test_z: Array, test_labels: Array
) -> float:
    """Share of test images named right by logistic regression on the training latents.

    Each number of a latent is standardised by the mean and standard deviation of `train_z`; one
    that never varies there is left out. Minimised is the sum of the cross entropies plus half the
    sum of squared weights; biases are free. This is the maximum a posteriori estimate under a
    standard normal prior on every weight, the natural scale for standardised inputs: nothing about
    it is chosen by looking at labels of other images.

    Args:
        train_z: (N, D), N >= 2.
        train_labels: (N,), at least two classes.
        test_z: (Q, D).
        test_labels: (Q,).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    z_ND, q_QD = (as_points(points).cpu().double().numpy() for points in (train_z, test_z))
    y_N, y_Q = (as_labels(labels).cpu().numpy() for labels in (train_labels, test_labels))
    scaler = StandardScaler().fit(z_ND)
    # Of two classes it has one vector of weights: the difference of two that are each its half.
    inverse = 2 if len(set(y_N.tolist())) == 2 else 1
    probe = LogisticRegression(C=inverse, tol=1e-5, max_iter=10_000)
    probe.fit(scaler.transform(z_ND), y_N)
    return float(probe.score(scaler.transform(q_QD), y_Q))
