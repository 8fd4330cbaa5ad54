"""Write scores.json: protocols by torchvision and numpy in float64, nothing of stylespace.

    python tests/golden/make_scores_golden.py

Pictures: paintings of data/paintings, see PICTURES; resized by Pillow, channel by channel in
floating point. Networks: torchvision's VGG in float64 with the filters of data/weights; AlexNet by
hand with those of the package stlpips-pytorch. All that a protocol says is written out here again.
Per protocol: the score of the result against the first reference, against both, and the noise
floors of both.
"""

from __future__ import annotations

import importlib.util
import json
from itertools import chain
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from safetensors.torch import load_file
from scipy.stats import wasserstein_distance_nd

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "data"
PICTURES = {
    "result": "cassatt-summertime",
    "content": "renoir-moulin",
    "style": ("gogh-auvers", "hokusai-great-wave"),
}
FIVE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
SIZE = 256
CAFFE = torch.tensor([103.939, 116.779, 123.68], dtype=torch.float64)[:, None, None]


def picture(name):
    """(3, H, W) of float64 in [0, 1], as the file holds it."""
    pixels = np.asarray(Image.open(DATA / "paintings" / f"{name}.jpg").convert("RGB"))
    return pixels.transpose(2, 0, 1) / 255


def enlarged(image, height, width):
    """Resized to the sides, antialiased bicubic, cut to [0, 1]."""
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in image]
    if planes[0].size != (width, height):
        planes = [plane.resize((width, height), Image.Resampling.BICUBIC) for plane in planes]
    return np.clip(np.stack([np.asarray(plane, dtype=np.float64) for plane in planes]), 0, 1)


def longer(image):
    """The longer side of 256 pixels."""
    _, height, width = image.shape
    scale = SIZE / max(height, width)
    return enlarged(image, round(height * scale), round(width * scale))


def square(image):
    """The shorter side of 256 pixels, then the square in the middle."""
    _, height, width = image.shape
    scale = SIZE / min(height, width)
    whole = enlarged(image, round(height * scale), round(width * scale))
    top, left = (whole.shape[1] - SIZE) // 2, (whole.shape[2] - SIZE) // 2
    return whole[:, top : top + SIZE, left : left + SIZE]


def vgg(kind, file, *, pool="average", padding="zeros"):
    """picture -> {layer: (C, N)} by torchvision's layers in float64."""
    modules = getattr(torchvision.models, kind)(weights=None).features.double()
    state = load_file(DATA / "weights" / f"{file}.safetensors")
    kept = {k[9:]: v.double() for k, v in state.items() if k.startswith("features.")}
    modules.load_state_dict(kept)

    def features(image):
        x = (255 * torch.from_numpy(image.copy()).flip(0) - CAFFE)[None]
        block, place, found = 1, 0, {}
        for module in modules:
            if isinstance(module, torch.nn.Conv2d):
                module.padding_mode, place = padding, place + 1
                x = module(x)
            elif isinstance(module, torch.nn.MaxPool2d):
                x = module(x) if pool == "max" else F.avg_pool2d(x, 2)
                block, place = block + 1, 0
            else:
                x = F.relu(x)
                found[f"conv{block}_{place}"] = x[0].flatten(1).numpy()
            if f"conv{block}_{place}" == "conv5_1" and isinstance(module, torch.nn.ReLU):
                return found
        raise AssertionError

    return features


def gram(feature):
    return feature @ feature.T / feature.shape[1]


def grams(features):
    return {name: gram(features[name]) for name in FIVE}


def relative_gram(result, reference):
    shares = [np.sum((result[n] - reference[n]) ** 2) / np.sum(reference[n] ** 2) for n in FIVE]
    return float(np.exp(np.mean(np.log(shares))))


def plain_gram(result, reference):
    """Equation 5 with 1/5 a layer; each unnormalised matrix by its own number of positions."""
    return float(sum(
        np.sum((result[n] - reference[n]) ** 2) / (4 * len(result[n]) ** 2) / 5 for n in FIVE
    ))  # fmt: skip


def first_two(features):
    return {n: np.stack([features[n].mean(1), features[n].std(1)]) for n in FIVE[:4]}


def moments(result, reference):
    return float(sum(np.sum((result[n] - reference[n]) ** 2) for n in FIVE[:4]))


def sliced(result, reference):
    shares = []
    for name in FIVE[:4]:
        generator = torch.Generator().manual_seed(7919)
        axes = torch.randn(128, len(result[name]), generator=generator, dtype=torch.float64).numpy()
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        x, y = (np.sort(axes @ one[name], axis=1) for one in (result, reference))
        count, other = x.shape[1], y.shape[1]
        places = np.clip((np.arange(count) + 0.5) * other / count - 0.5, 0, other - 1)
        y = np.stack([np.interp(places, np.arange(other), line) for line in y])
        shares.append(np.sum((x - y) ** 2) / np.sum(y**2))
    return float(np.exp(np.mean(np.log(shares))))


def content_loss(result, reference):
    return float(0.5 * np.sum((result["conv4_2"] - reference["conv4_2"]) ** 2))


def lab(image):
    """(3, N) CIELAB of sRGB, white where red, green and blue are 1."""
    matrix = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169],
                       [0.019334, 0.119193, 0.950227]])  # fmt: skip
    flat = image.reshape(3, -1)
    light = np.where(flat <= 0.04045, flat / 12.92, ((flat + 0.055) / 1.055) ** 2.4)
    ratio = (matrix @ light) / matrix.sum(1, keepdims=True)
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def cubes(image):
    """Mean colour and share of each cube of side 16 that is not empty."""
    colours = lab(image).T
    bins = {}
    for place, colour in zip(map(tuple, np.round(colours / 16).astype(int)), colours, strict=True):
        bins.setdefault(place, []).append(colour)
    means = np.array([np.mean(one, axis=0) for one in bins.values()])
    return means, np.array([len(one) / len(colours) for one in bins.values()])


def colours(result, reference):
    (a, shares), (b, others) = cubes(result), cubes(reference)
    return float(wasserstein_distance_nd(a, b, shares, others))


def ssim(result, reference):
    """Means of windows one by one; sample covariances."""
    grey = [np.tensordot([0.2125, 0.7154, 0.0721], one, 1) for one in (result, reference)]
    x, y = (np.lib.stride_tricks.sliding_window_view(one, (7, 7)) for one in grey)
    x, y = (one.reshape(*one.shape[:2], 49) for one in (x, y))
    mx, my = x.mean(2), y.mean(2)
    vx, vy = x.var(2, ddof=1), y.var(2, ddof=1)
    both = ((x - mx[..., None]) * (y - my[..., None])).sum(2) / 48
    top = (2 * mx * my + 0.01**2) * (2 * both + 0.03**2)
    return float((top / ((mx**2 + my**2 + 0.01**2) * (vx + vy + 0.03**2))).mean())


def alexnet():
    """picture -> {number: (C, N) unit features}, and the weights of their channels."""
    folder = Path(importlib.util.find_spec("stlpips_pytorch").submodule_search_locations[0])
    path = folder / "weights/vST0.0/alex_shift_tolerant.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    state = {name: one.double() for name, one in state.items()}

    def convolved(x, key, border):
        return F.conv2d(x, state[f"{key}.weight"], state[f"{key}.bias"], padding=border)

    def blurred(x):
        line = torch.tensor([1, 2, 1], dtype=torch.float64) / 4
        kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (2, 2, 2, 2), "reflect"), kernel, stride=2, groups=x.shape[1])

    def reduced(x):
        return blurred(F.max_pool2d(x, 3, 1))

    def features(image):
        x = 2 * torch.from_numpy(image)[None] - 1
        x = (x - state["scaling_layer.shift"]) / state["scaling_layer.scale"]
        one = F.relu(blurred(convolved(x, "net.slice1.0", 2)))
        two = F.relu(convolved(reduced(one), "net.slice2.5", 2))
        three = F.relu(convolved(reduced(two), "net.slice3.9", 1))
        four = F.relu(convolved(three, "net.slice4.11", 1))
        five = F.relu(convolved(four, "net.slice5.13", 1))
        found = [x[0].flatten(1).numpy() for x in (one, two, three, four, five)]
        return [x / (np.linalg.norm(x, axis=0) + 1e-10) for x in found]

    weights = [state[f"lin{k}.model.1.weight"].flatten().numpy() for k in range(5)]
    return features, weights


def perceptual(weights):
    def distance(result, reference):
        parts = zip(weights, result, reference, strict=True)
        return float(sum((w @ (a - b) ** 2).mean() for w, a, b in parts))

    return distance


def halves(image):
    for axis in (2, 1):
        half = image.shape[axis] // 2
        yield (
            image.take(range(half), axis),
            image.take(range(image.shape[axis] - half, image.shape[axis]), axis),
        )


def crops(image, share):
    height, width = (round(share * side) for side in image.shape[1:])
    yield image[:, :height, :width], image[:, -height:, -width:]


def either_way(pairs, see, compare):
    """Mean over pairs, each compared both ways."""
    seen = [(see(one), see(other)) for one, other in pairs]
    return float(
        np.mean(list(chain.from_iterable([compare(a, b), compare(b, a)] for a, b in seen)))
    )


def of_style(see, compare, resized=longer, pooled=False):
    """Score, score of both references, noise floors."""
    result = see(resized(picture(PICTURES["result"])))
    images = [resized(picture(name)) for name in PICTURES["style"]]
    first, second = map(see, images)
    both = [{n: (first[n] + second[n]) / 2 for n in FIVE}] if pooled else [first, second]
    return {
        "score": compare(result, first),
        "both": float(np.mean([compare(result, one) for one in both])),
        "crop": [either_way(crops(image, 4 / 5), see, compare) for image in images],
        "halves": [either_way(halves(image), see, compare) for image in images],
    }


def of_content(see, compare):
    """Score against the content, laid on the result, and the noise floor."""
    result, content = longer(picture(PICTURES["result"])), longer(picture(PICTURES["content"]))
    laid = see(enlarged(content, *result.shape[1:]))
    floor = either_way(crops(content, 63 / 64), see, compare)
    return {"score": compare(see(result), laid), "crop": [floor]}


def golden():
    """Everything that scores.json holds."""
    with torch.no_grad():
        norm, hed = vgg("vgg19", "vgg19-norm"), vgg("vgg16", "vgg16-hed")
        adain = vgg("vgg19", "vgg19-norm", pool="max", padding="reflect")
        shift_tolerant, weights = alexnet()
        scores = {
            "gram-vgg19-norm@1": of_style(lambda x: grams(norm(x)), relative_gram, pooled=True),
            "gram-vgg16-hed@1": of_style(lambda x: grams(hed(x)), relative_gram, pooled=True),
            "gatys-vgg19-norm@1": of_style(lambda x: grams(norm(x)), plain_gram),
            "adain-vgg19-norm@1": of_style(lambda x: first_two(adain(x)), moments, square),
            "sliced-vgg19-norm@1": of_style(norm, sliced),
            "colours@1": of_style(lambda x: x, colours),
            "content-vgg19-norm@1": of_content(norm, content_loss),
            "stlpips-alexnet@1": of_content(shift_tolerant, perceptual(weights)),
            "ssim@1": of_content(lambda x: x, ssim),
        }
    return {"pictures": PICTURES, "scores": scores}


if __name__ == "__main__":
    (HERE / "scores.json").write_text(json.dumps(golden(), indent=1) + "\n")
