"""From files to vectors with other packages, each as its README tells; run by bench_encoding.

    PYTHON benchmarks/encoding_peers.py FOLDER N_THREADS

PYTHON has the packages; what is not installed is left out, with the reason. Weights are not
fetched: the networks have random ones, which take the same time. It prints JSON: for each package
the seconds of the whole, and of its network alone on images that are prepared already.
"""

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Images = list[Path]


def main() -> None:
    folder, n_threads = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(n_threads)
    paths = sorted(folder.glob("*.jpg"))
    found: dict[str, Any] = {}
    for name, peer in PEERS.items():
        try:
            found[name] = {"version": importlib.metadata.version(name), **peer(folder, paths)}
        except Exception as error:
            found[name] = {"left out": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))


def imagededup(folder: Path, paths: Images) -> dict[str, Any]:
    without_weights()
    from imagededup.methods import CNN

    cnn = CNN(verbose=False)
    batch = torch.zeros(cnn.batch_size, 3, 224, 224)
    return {
        "network": "MobileNetV3-Small, batches of 64",
        "whole": seconds(lambda: cnn.encode_images(image_dir=folder)),
        "network alone": seconds_of_batches(cnn.model, batch, len(paths)),
    }


def img2vec(_folder: Path, paths: Images) -> dict[str, Any]:
    without_weights()
    from img2vec_pytorch import Img2Vec
    from PIL import Image

    to_vector = Img2Vec(cuda=False)
    return {
        "network": "ResNet-18, image by image",
        "whole": seconds(lambda: [to_vector.get_vec(Image.open(p).convert("RGB")) for p in paths]),
        "network alone": seconds_of_batches(
            to_vector.model, torch.zeros(1, 3, 224, 224), len(paths)
        ),
    }


def open_clip(_folder: Path, paths: Images) -> dict[str, Any]:
    import open_clip as clip
    from PIL import Image

    model, _, prepare = clip.create_model_and_transforms("ViT-B-32")
    model.eval()

    def vector(path: Path) -> Any:
        with torch.no_grad():
            return model.encode_image(prepare(Image.open(path)).unsqueeze(0))

    return {
        "network": "ViT-B/32, image by image",
        "whole": seconds(lambda: [vector(path) for path in paths]),
        "network alone": seconds_of_batches(
            model.encode_image, torch.zeros(1, 3, 224, 224), len(paths)
        ),
    }


PEERS = {"imagededup": imagededup, "img2vec_pytorch": img2vec, "open_clip_torch": open_clip}


def without_weights() -> None:
    """Let torchvision's networks keep their random weights."""
    from torchvision.models import WeightsEnum

    WeightsEnum.get_state_dict = lambda *_, **__: {}
    torch.nn.Module.load_state_dict = lambda *_, **__: None


def seconds_of_batches(network: Callable[[Any], Any], batch: Any, n_images: int) -> float:
    with torch.no_grad():
        network(batch)
        n = len(batch)
        return seconds(lambda: [network(batch[: n_images - i]) for i in range(0, n_images, n)])


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
