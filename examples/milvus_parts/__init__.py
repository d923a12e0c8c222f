"""What a Milvus of this machine is made of: its unpacked files, its settings, its processes."""
