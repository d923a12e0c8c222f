"""What servers on this machine are made of: Milvus's files and settings, and child processes."""
