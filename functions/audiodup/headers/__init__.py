"""What the headers of audio containers say, read without decoding. One module a family of containers."""
