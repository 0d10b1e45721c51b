"""Helpers behind the gan_edu notebooks: small modules, imported one by one (`from gan_edu.run import Run`).

Importing the package itself loads neither torch nor matplotlib, so that it stays instant.
"""

__version__ = "0.1.0"
