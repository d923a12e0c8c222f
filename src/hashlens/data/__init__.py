"""Images and labels in: safe decoding, folders, manifests, benchmarks, synthetic pictures.

Names load on first use, so that what needs no images loads no decoder.
"""

from typing import TYPE_CHECKING

from hashlens.lazy import names_of

if TYPE_CHECKING:
    from hashlens.data.coerce import as_images as as_images
    from hashlens.data.dataset import Dataset as Dataset
    from hashlens.data.dataset import Splits as Splits
    from hashlens.data.dataset import join_splits as join_splits
    from hashlens.data.dataset import stratified_split as stratified_split
    from hashlens.data.decode import MAX_PIXELS as MAX_PIXELS
    from hashlens.data.decode import decode_image as decode_image
    from hashlens.data.decode import image_size as image_size
    from hashlens.data.images import ArrayImages as ArrayImages
    from hashlens.data.images import BytesImages as BytesImages
    from hashlens.data.images import EncodedImages as EncodedImages
    from hashlens.data.images import FileImages as FileImages
    from hashlens.data.images import Images as Images
    from hashlens.data.loading import LoadedPixels as LoadedPixels
    from hashlens.data.loading import iter_pixels as iter_pixels
    from hashlens.data.loading import load_pixels as load_pixels
    from hashlens.data.preprocess import Preprocessing as Preprocessing
    from hashlens.data.preprocess import to_channels as to_channels
    from hashlens.data.skipped import Skipped as Skipped
    from hashlens.data.source import BENCHMARKS as BENCHMARKS
    from hashlens.data.source import load as load
    from hashlens.data.source import load_dataset as load_dataset
    from hashlens.data.synthetic import synthetic_images as synthetic_images

__all__ = [
    "BENCHMARKS",
    "MAX_PIXELS",
    "ArrayImages",
    "BytesImages",
    "Dataset",
    "EncodedImages",
    "FileImages",
    "Images",
    "LoadedPixels",
    "Preprocessing",
    "Skipped",
    "Splits",
    "as_images",
    "decode_image",
    "image_size",
    "iter_pixels",
    "join_splits",
    "load",
    "load_dataset",
    "load_pixels",
    "stratified_split",
    "synthetic_images",
    "to_channels",
]

__getattr__ = names_of(
    __name__,
    {
        "ArrayImages": "hashlens.data.images",
        "BENCHMARKS": "hashlens.data.source",
        "BytesImages": "hashlens.data.images",
        "Dataset": "hashlens.data.dataset",
        "EncodedImages": "hashlens.data.images",
        "FileImages": "hashlens.data.images",
        "Images": "hashlens.data.images",
        "LoadedPixels": "hashlens.data.loading",
        "MAX_PIXELS": "hashlens.data.decode",
        "Preprocessing": "hashlens.data.preprocess",
        "Skipped": "hashlens.data.skipped",
        "Splits": "hashlens.data.dataset",
        "as_images": "hashlens.data.coerce",
        "decode_image": "hashlens.data.decode",
        "image_size": "hashlens.data.decode",
        "iter_pixels": "hashlens.data.loading",
        "join_splits": "hashlens.data.dataset",
        "load": "hashlens.data.source",
        "load_dataset": "hashlens.data.source",
        "load_pixels": "hashlens.data.loading",
        "stratified_split": "hashlens.data.dataset",
        "synthetic_images": "hashlens.data.synthetic",
        "to_channels": "hashlens.data.preprocess",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
