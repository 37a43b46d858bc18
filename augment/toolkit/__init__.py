"""What makes a plugin short: training loops, conditions, encodings. Public; a plugin imports the modules that it needs.

The names of this package are younger than those of `augment.data` and `augment.plugin`: a minor version may change
them, and the CHANGELOG then says how. Nothing here is imported before it is asked for, since some modules need torch.

    training           the loop that built-in networks share: checkpoints, progress, early stopping, reproducibility
    probes             the rows that teach a probe, the target as numbers, models of a matrix of features
    conditions         classes as numbers for networks, and sampling in full batches
    network_generator  what a generator with networks keeps of its fit, saved and loaded
    latents            what variational autoencoders have in common
    tables             tables as matrices or bins, and rows as short vectors
    sequences          the network, training and sampling of everything that comes one step after the other
    series_scaling     series of one length as numbers for convolutions
    lossless           values as numbers that lose nothing
    substrings         stretches of characters that texts share with others
    text_files         text files that people wrote, read and refused with file, line and next step
    csv_files          what CSV sinks share: words that a spreadsheet would run are guarded
    yaml_text          plain data as YAML
"""

__all__ = [
    "conditions",
    "csv_files",
    "latents",
    "lossless",
    "network_generator",
    "probes",
    "sequences",
    "series_scaling",
    "substrings",
    "tables",
    "text_files",
    "training",
    "yaml_text",
]
