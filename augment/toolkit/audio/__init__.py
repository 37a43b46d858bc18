"""Recordings: reading and writing of audio files, channels and sampling rates.

decoding  audio files turned into samples
wav       wav files, without a library
waves     channels, sampling rates, rows of one length
"""
