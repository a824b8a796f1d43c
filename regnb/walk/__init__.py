"""Catalog, tags, manifests, configs: a walk in worker threads that fills columns of codes."""
