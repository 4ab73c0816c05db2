"""Reads files on disk and the git repository around them. Only the file cache and named output files are written."""
