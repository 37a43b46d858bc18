"""Recordings: reading and writing of audio files, channels and sampling rates, spectra.

decoding    audio files turned into samples
wav         wav files, without a library
waves       channels, sampling rates, rows of one length
recordings  the recordings of a dataset as numbers
spectra     short-time Fourier transform and its inverse, and log-mel spectra that forget level and microphone
moves       pace, pitch and gains of whole batches of recordings
descriptor  points that lie near each other when one recording is the other shifted, louder or made noisy
network     convolutions over the time of a spectrum
"""
