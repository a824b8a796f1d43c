"""What lies on disk: blobs on their way, image layouts and archives."""
