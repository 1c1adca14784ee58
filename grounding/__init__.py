"""Train small autoencoders, measure their latent spaces, and put them in a browser page."""

__version__ = "0.1.0"
