"""Building blocks for plugins: training loops, conditions, encodings. Public; import the modules that you need.

This package is less stable than `augment.data` and `augment.plugin`: a minor version can change names, and the
CHANGELOG then describes how. Nothing is imported in advance, because some modules need torch.

    training           the loop that built-in networks share: checkpoints, progress, early stopping, reproducibility
    optimizers         torch's Adam and AdamW, without the import of torch's compiler
    feature_probe      the rows that teach a probe, the target as numbers, models of a matrix of features
    batches            which training rows each step of a network's training sees
    conditions         classes as numbers for networks, and sampling in full batches
    network_generator  bases of generators with networks
    gaussian_mixtures  a density of points, class by class, fitted and drawn from
    latents            latents and KL divergence of variational autoencoders
    tables             tables as matrices or bins, rows as latents, types of stored columns
    sequences          network, training and sampling of all kinds of sequences
    audio              recordings: files, channels, sampling rates
    folders            folders with a file for each row
    series_scaling     series of one length as numbers for convolutions
    lossless           lossless encoding of values as numbers
    substrings         substrings that texts have in common
    data_files         several files as one dataset, and compressed files
    text_files         reading of text files, with errors that name file and line
    words              words of texts, also where no spaces divide them
    csv_delimiters     CSV files whose cells are divided by spaces or by several characters
    csv_files          writing of CSV files, with protection from spreadsheet formulas
    csv_dialect        encoding, delimiter and decimal point of CSV files
    csv_numbers        numbers with separators of thousands in CSV files
    date_formats       how the dates in text files are written
    yaml_text          plain data as YAML
"""

__all__ = [
    "audio",
    "batches",
    "conditions",
    "csv_delimiters",
    "csv_dialect",
    "csv_files",
    "csv_numbers",
    "data_files",
    "date_formats",
    "feature_probe",
    "folders",
    "gaussian_mixtures",
    "latents",
    "lossless",
    "network_generator",
    "optimizers",
    "sequences",
    "series_scaling",
    "substrings",
    "tables",
    "text_files",
    "training",
    "words",
    "yaml_text",
]
