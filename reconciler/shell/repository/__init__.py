"""Files on disk and the git repository around them. Nothing is written here but the file cache."""
