"""The peers of the serving benchmark: the same bundle behind other tools, each deployed as its documents advise."""
