"""The engine that keeps a collection on a Milvus server."""
