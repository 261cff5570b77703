"""Parts of the networks that are trained by gradient descent."""
