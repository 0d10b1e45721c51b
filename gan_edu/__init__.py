"""Helpers behind the gan_edu notebooks: small modules, imported one by one (`from gan_edu.first_edition.training import GAN`).

Importing the package itself loads neither torch nor matplotlib, so that it stays instant.
"""

__version__ = "0.1.0"
