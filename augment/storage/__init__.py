"""What lies on disk: content keys, atomic files, the store, run folders. Internal."""
