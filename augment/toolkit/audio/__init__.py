"""Recordings: reading and writing of audio files, channels and sampling rates, spectra.

decoding  audio files turned into samples
wav       wav files, without a library
waves     channels, sampling rates, rows of one length
spectra   short-time Fourier transform and its inverse, and log-mel spectra that forget level and microphone
moves     pace, pitch and gains of whole batches of recordings
"""
