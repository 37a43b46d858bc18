"""Images in folders and IDX files, classical image augmentation (albumentations), and a small CNN as a probe."""

from augment.hookspecs import hookimpl


@hookimpl
def augment_components():
    """The source and the sink `image-folder`, the source `idx`, the generator `albumentations`, the probe `cnn`."""
    from augment_images.classical import Albumentations
    from augment_images.idx import IdxSource
    from augment_images.probe import Cnn
    from augment_images.sink import ImageFolderSink
    from augment_images.source import ImageFolderSource

    return [ImageFolderSource, IdxSource, ImageFolderSink, Albumentations, Cnn]
