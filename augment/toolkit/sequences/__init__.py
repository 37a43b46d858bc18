"""Sequences of symbols: the network that every sequence generator shares, its training and its sampling."""
