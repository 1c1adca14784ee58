"""Metrics of latent spaces, and what is known of images without one: arrays in, numbers out.

Each function takes tensors or NumPy arrays: `trustworthiness(x, z, k=5)`. `measure` takes a `Space`
and the names of registered metrics, and calculates what several of them need only once.

All raise ValueError for shapes, dtypes and numbers that do not fit and for values that are not
finite; where there is too little to measure it is `NotMeasurable`, which `measure` reports.
"""

from grounding.metrics.anchors import anchor_count
from grounding.metrics.arrays import NotMeasurable
from grounding.metrics.baselines import pca_error
from grounding.metrics.calibration import vote_shares
from grounding.metrics.calinski_harabasz import calinski_harabasz
from grounding.metrics.classification import (
    ClassScore,
    accuracy,
    classification_report,
    knn_predict,
)
from grounding.metrics.continuity import continuity
from grounding.metrics.coranking import rnx_area
from grounding.metrics.davies_bouldin import davies_bouldin
from grounding.metrics.deformation import hidden_markov_distortion, image_distortion
from grounding.metrics.deskew import deskew
from grounding.metrics.facts import facts, meaning, names
from grounding.metrics.fisher_ratio import fisher_ratio
from grounding.metrics.hog import hog
from grounding.metrics.intrinsic_dimension import two_nn_dimension
from grounding.metrics.knn_accuracy import knn_accuracy
from grounding.metrics.linear_probe import linear_probe_accuracy
from grounding.metrics.manifold_score import manifold_score
from grounding.metrics.measure import Measured, Space, measure
from grounding.metrics.neighbor_label_agreement import (
    neighbor_label_agreement,
    neighbor_label_shares,
)
from grounding.metrics.neighbors import nearest
from grounding.metrics.novelty import auroc, odd_images
from grounding.metrics.rank_me import rank_me
from grounding.metrics.silhouette import silhouette
from grounding.metrics.spread import Spread, spread
from grounding.metrics.trustworthiness import trustworthiness
from grounding.metrics.uniformity import uniformity

__all__ = [
    "ClassScore",
    "Measured",
    "NotMeasurable",
    "Space",
    "Spread",
    "accuracy",
    "anchor_count",
    "auroc",
    "calinski_harabasz",
    "classification_report",
    "continuity",
    "davies_bouldin",
    "deskew",
    "facts",
    "fisher_ratio",
    "hidden_markov_distortion",
    "hog",
    "image_distortion",
    "knn_accuracy",
    "knn_predict",
    "linear_probe_accuracy",
    "manifold_score",
    "meaning",
    "measure",
    "names",
    "nearest",
    "neighbor_label_agreement",
    "neighbor_label_shares",
    "odd_images",
    "pca_error",
    "rank_me",
    "rnx_area",
    "silhouette",
    "spread",
    "trustworthiness",
    "two_nn_dimension",
    "uniformity",
    "vote_shares",
]
