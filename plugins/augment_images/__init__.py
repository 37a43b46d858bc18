"""Images in folders, classical image augmentation (albumentations), and a small CNN as a probe."""

from augment.hookspecs import hookimpl


@hookimpl
def augment_components():
    """The source and the sink `image-folder`, the generator `albumentations`, the probe `cnn`."""
    from augment_images.classical import Albumentations
    from augment_images.probe import Cnn
    from augment_images.sink import ImageFolderSink
    from augment_images.source import ImageFolderSource

    return [ImageFolderSource, ImageFolderSink, Albumentations, Cnn]
