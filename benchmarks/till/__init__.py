"""What benchmarks.pos serves and sends."""
