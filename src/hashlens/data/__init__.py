"""Images and labels in: safe decoding, folders, manifests, benchmarks, synthetic pictures."""

from hashlens.data.coerce import as_images
from hashlens.data.dataset import Dataset, Splits, join_splits, stratified_split
from hashlens.data.decode import MAX_PIXELS, decode_image, image_size
from hashlens.data.images import ArrayImages, BytesImages, EncodedImages, FileImages, Images
from hashlens.data.loading import LoadedPixels, Skipped, iter_pixels, load_pixels
from hashlens.data.preprocess import Preprocessing, to_channels
from hashlens.data.source import BENCHMARKS, load, load_dataset
from hashlens.data.synthetic import synthetic_images

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
