"""Folders with a file for each row, such as images or recordings: their names and labels, and what a CSV file says.

kinds          what files are looked for, and what messages call them
class_folders  a folder for each class
metadata       a CSV file with a line for each file
names          names of folders that are safe on every system
"""
