"""Programs that prepare catalogs. Nothing here is imported by the reconciler, and nothing here imports it."""
