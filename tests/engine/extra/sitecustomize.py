"""Gives the processes of tests the tasks of `tasks_of_tests.py`: only functions of `augment.engine` can be named."""

import os

import augment.engine

augment.engine.__path__.append(os.path.dirname(__file__))
