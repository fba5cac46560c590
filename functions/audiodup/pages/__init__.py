"""The review page: a Flask app that shows pairs of duplicates and takes what a person says of them."""
