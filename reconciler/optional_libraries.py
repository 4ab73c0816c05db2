"""How to install the libraries that only some stores and executors need: what messages advise.

The libraries themselves, not an extra of this distribution: its name is not registered on the package index, so
``pip install catalog-reconciler[…]`` could install a stranger's package.
"""

POSTGRESQL = 'pip install "psycopg[binary]>=3.2,<4"'
DASK = 'pip install "distributed>=2024.12"'
