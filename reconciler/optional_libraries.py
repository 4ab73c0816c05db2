"""How to install the libraries that only some stores and executors need: what messages advise.

The libraries themselves, not an extra of this distribution: nobody has registered its name on the package index, so
what pip finds there under it may be a stranger's.
"""

POSTGRESQL = 'pip install "psycopg[binary]>=3.2,<4"'
DASK = 'pip install "distributed>=2024.12"'
