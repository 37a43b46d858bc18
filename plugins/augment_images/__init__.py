"""Images in folders and IDX files, classical image augmentation (albumentations), and a small CNN as a probe."""

from augment.plugin import hookimpl


@hookimpl
def augment_components() -> list[type]:
    """Sources `image-folder` and `idx`, sink `image-folder`, generators `albumentations` and `warp`, probe `cnn`."""
    from augment_images.classical import Albumentations
    from augment_images.idx import IdxSource
    from augment_images.probe import Cnn
    from augment_images.sink import ImageFolderSink
    from augment_images.source import ImageFolderSource
    from augment_images.warp import Warp

    return [ImageFolderSource, IdxSource, ImageFolderSink, Albumentations, Warp, Cnn]
