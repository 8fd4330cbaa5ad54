"""Networks against torchvision's modules, an own AlexNet, numpy's Gram matrices, and themselves."""

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny import TINY, seeded_picture, tiny_network
from torch import nn

from stylespace.assets import weights_path
from stylespace.errors import UsageError
from stylespace.networks import operations
from stylespace.networks.devices import known_precision
from stylespace.networks.loading import load_network
from stylespace.networks.network import Network
from stylespace.networks.weights import Weights, random_weights
from stylespace.styles.gram import gram
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")

MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64)[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64)[:, None, None]
GOLDEN = json.loads((Path(__file__).parents[1] / "golden/gram.json").read_text())
FEATURES = {"vgg16": "D", "vgg19": "E"}


def sequential(name):
    """torchvision's `features` of a VGG or AlexNet, without the classifier's 60 to 120 million."""
    from torchvision.models import alexnet
    from torchvision.models.vgg import cfgs, make_layers

    if name in FEATURES:
        with torch.device("meta"):
            features = make_layers(cfgs[FEATURES[name]])
    else:
        with torch.device("meta"):
            features = alexnet().features
    return randomised(nn.ModuleDict({"features": features.to_empty(device="cpu")}))


def inception():
    from torchvision.models import GoogLeNet

    return randomised(GoogLeNet(aux_logits=False, init_weights=False, transform_input=True))


def randomised(module):
    """Seeded values of a useful size everywhere, batch-norm statistics among them."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                continue
            if tensor.ndim == 4:
                tensor.normal_(generator=generator).mul_((2 / tensor[0].numel()) ** 0.5)
            elif key.endswith(("running_var", "bn.weight")):
                tensor.uniform_(0.5, 2.0, generator=generator)
            else:
                tensor.normal_(generator=generator).mul_(0.2)
    return module.eval()


def adapted(module, pooling, padding):
    """Swap poolings and borders inside torchvision's modules for torch's own."""
    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            size, border = (child.kernel_size, child.stride), child.padding
            inside = 0 if padding != "zeros" else border
            kind = nn.AvgPool2d if pooling == "average" else nn.MaxPool2d
            pool = kind(*size, padding=inside, ceil_mode=child.ceil_mode)
            if border and padding != "zeros":
                pad = {"replicate": nn.ReplicationPad2d, "reflect": nn.ReflectionPad2d}[padding]
                pool = nn.Sequential(pad(border), pool)
            setattr(module, name, pool)
        elif isinstance(child, nn.Conv2d):
            child.padding_mode = padding
        else:
            adapted(child, pooling, padding)
    return module


def reference(name, module, image):
    """Every named layer's activations by torchvision's modules, in order."""
    module, x = module.double(), (image - MEAN) / STD
    found = {}
    if name != "googlenet":
        names = iter(load_names(name))
        for one in module["features"]:
            x = one(x)
            if isinstance(one, nn.ReLU):
                found[next(names)] = x
        return found
    for layer in load_names(name):
        module.get_submodule(layer).register_forward_hook(
            lambda _, __, output, layer=layer: found.__setitem__(layer, output)
        )
    module(image_for_googlenet(image))
    return found


def image_for_googlenet(image):
    return (image - MEAN) / STD


def load_names(name):
    from stylespace.networks.catalogue import CATALOGUE

    return tuple(layer.name for layer in CATALOGUE[name].layers)


def close(actual, expected, tolerance):
    scale = float(expected.abs().max())
    assert scale > 0
    assert float((actual - expected).abs().max()) <= tolerance * scale


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """{name: (torchvision's module, the file of its state dict)}, made once."""
    folder, made = tmp_path_factory.mktemp("states"), {}

    def get(name):
        if name not in made:
            module = inception() if name == "googlenet" else sequential(name)
            torch.save(module.state_dict(), folder / f"{name}.pth")
            made[name] = folder / f"{name}.pth"
        fresh = inception() if name == "googlenet" else sequential(name)
        return fresh, made[name]

    return get


@pytest.mark.parametrize(
    ("name", "pooling", "padding"),
    [
        ("vgg16", "max", "zeros"),
        ("vgg19", "max", "zeros"),
        ("alexnet", "max", "zeros"),
        ("googlenet", "max", "zeros"),
        ("vgg16", "average", "reflect"),
        ("vgg16", "max", "circular"),
        ("alexnet", "average", "zeros"),
        ("alexnet", "max", "replicate"),
        ("googlenet", "average", "zeros"),
        ("googlenet", "average", "replicate"),
    ],
)
@torch.no_grad()
def test_every_layer_is_torchvisions(modules, name, pooling, padding):
    module, path = modules(name)
    image = seeded_picture(*((40, 53) if name.startswith("vgg") else (87, 117)), count=2)
    expected = reference(name, adapted(module, pooling, padding), image)
    net = load_network(
        name, pooling=pooling, padding=padding, weights=str(path), precision="float64"
    )
    found = net(image, net.names)
    assert list(found) == list(expected) == list(load_names(name))
    tolerance = 1e-5 if name == "googlenet" else 1e-10  # batch norms are folded to float32
    for layer in net.names:
        close(found[layer], expected[layer], tolerance)


# --- the shift-tolerant AlexNet, written again from its description


def shift_tolerant(image, state):
    """conv 11x11 stride 1 padding 2, blur, ReLU; max pooling 3 stride 1, blur, 5x5, ReLU; ..."""

    def convolved(x, key, padding):
        return F.conv2d(x, state[f"{key}.weight"], state[f"{key}.bias"], padding=padding)

    def blurred(x):
        x = F.pad(x, (2, 2, 2, 2), "reflect")
        rows = (x[..., :-2, :] + 2 * x[..., 1:-1, :] + x[..., 2:, :]) / 4
        both = (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4
        return both[..., ::2, ::2]

    x = (image - MEAN) / STD
    one = blurred(convolved(x, "net.slice1.0", 2)).relu()
    two = convolved(blurred(F.max_pool2d(one, 3, 1)), "net.slice2.5", 2).relu()
    three = convolved(blurred(F.max_pool2d(two, 3, 1)), "net.slice3.9", 1).relu()
    four = convolved(three, "net.slice4.11", 1).relu()
    five = convolved(four, "net.slice5.13", 1).relu()
    return {f"conv{k}": x for k, x in enumerate((one, two, three, four, five), start=1)}


def stlpips_file():
    package = importlib.util.find_spec("stlpips_pytorch")
    if package is None:
        pytest.skip("stlpips-pytorch is not installed")
    return Path(package.submodule_search_locations[0]) / "weights/vST0.0/alex_shift_tolerant.pth"


@torch.no_grad()
def test_shift_tolerant_alexnet_follows_its_description():
    state = torch.load(stlpips_file(), map_location="cpu", weights_only=True)
    image = seeded_picture(43, 58, count=2)
    expected = shift_tolerant(image, {k: v.double() for k, v in state.items()})
    net = load_network("alexnet-st", pooling="max", precision="float64")
    found = net(image, net.names)
    for layer in net.names:
        close(found[layer], expected[layer], 1e-12)


@torch.no_grad()
def test_alexnet_takes_the_shift_tolerant_filters_and_strides_them():
    path = stlpips_file()
    state = torch.load(path, map_location="cpu", weights_only=True)
    net = load_network("alexnet", pooling="max", weights=str(path), precision="float64")
    assert net.sha256 != load_network("alexnet-st").sha256  # the names differ, and the strides
    image = seeded_picture(79, 98)
    weight, bias = state["net.slice1.0.weight"].double(), state["net.slice1.0.bias"].double()
    expected = F.conv2d((image - MEAN) / STD, weight, bias, 4, 2).relu()
    close(net(image, ["conv1"])["conv1"], expected, 1e-12)


# --- the embedded network against numpy alone


@torch.no_grad()
@pytest.mark.parametrize("name", GOLDEN["networks"])
def test_gram_matrices_of_the_embedded_networks_are_numpys(name):
    c, y, x = np.meshgrid(
        np.arange(3), np.arange(GOLDEN["height"]), np.arange(GOLDEN["width"]), indexing="ij"
    )
    sine, cosine = np.sin(0.31 * (c + 1) * x + 0.17 * y), np.cos(0.23 * (c + 1) * y - 0.11 * x)
    image = torch.from_numpy(0.5 + 0.25 * sine + 0.2 * cosine)[None]
    given = ("vgg19", f"caffe:{weights_path(name)}") if name == "vgg19-norm" else (name, None)
    net = load_network(given[0], weights=given[1], precision="float64")
    layers = GOLDEN["networks"][name]
    for layer, features in net(image, list(layers)).items():
        golden, g = layers[layer], gram(features)[0]
        chosen = torch.tensor(golden["channels"])
        assert features.shape[2] * features.shape[3] == golden["positions"]
        np.testing.assert_allclose(features.mean((0, 2, 3))[:8], golden["mean"], rtol=1e-9)
        np.testing.assert_allclose(g[chosen][:, chosen], golden["block"], rtol=1e-9)
        np.testing.assert_allclose(float(g.norm()), golden["norm"], rtol=1e-9)
        np.testing.assert_allclose(float(g.trace()), golden["trace"], rtol=1e-9)


# --- the contract of a call


def test_features_are_keyed_by_the_names_asked_for(tiny, picture):
    found = tiny(picture, ["relu3_1", "conv1_1", "conv3_1"])
    assert list(found) == ["relu3_1", "conv1_1", "conv3_1"]
    assert torch.equal(found["relu3_1"], found["conv3_1"])
    assert found["conv1_1"].shape == (1, 4, 13, 22) and found["conv3_1"].shape == (1, 5, 3, 5)


@pytest.mark.parametrize("layer", ["conv1_1", "conv2_1", "conv3_1"])
def test_pre_is_the_layer_before_its_relu(tiny, picture, layer):
    alone = tiny(picture, [f"pre:{layer}"])[f"pre:{layer}"]
    both = tiny(picture, [layer, f"pre:{layer}", "conv3_1"])
    assert (alone < 0).any()
    assert torch.equal(both[f"pre:{layer}"], alone)
    assert torch.equal(both[layer], alone.relu())
    assert torch.equal(both["conv3_1"], tiny(picture, ["conv3_1"])["conv3_1"])


@pytest.mark.parametrize(("layer", "count"), [("conv1_1", 1), ("pre:conv2_1", 2), ("conv3_1", 3)])
def test_one_pass_that_stops_at_the_deepest_layer(tiny, picture, monkeypatch, layer, count):
    calls, plain, pool = [], F.conv2d, F.avg_pool2d
    monkeypatch.setattr(F, "conv2d", lambda *a, **k: calls.append("conv") or plain(*a, **k))
    monkeypatch.setattr(F, "avg_pool2d", lambda *a, **k: calls.append("pool") or pool(*a, **k))
    tiny(picture, ["conv1_1", layer])
    assert calls.count("conv") == count and calls.count("pool") == count - 1


def test_gradients_reach_the_picture_and_no_filter(tiny, picture):
    image = picture.requires_grad_()
    features = tiny(image, tiny.names)
    sum(f.sum() for f in features.values()).backward()
    assert image.grad.abs().sum() > 0
    filters = [tensor for pair in tiny.filters.values() for tensor in pair]
    assert len(filters) == 6 and not any(tensor.requires_grad for tensor in filters)


def test_the_pictures_of_a_batch_do_not_mix(tiny):
    images = seeded_picture(13, 22, count=3)
    together = tiny(images, tiny.names)
    for k in range(3):
        alone = tiny(images[k : k + 1], tiny.names)
        for name in tiny.names:
            torch.testing.assert_close(together[name][k : k + 1], alone[name])


def test_a_picture_is_not_changed_and_any_layout_will_do(tiny, picture):
    before = picture.clone()
    expected = tiny(picture, tiny.names)
    assert torch.equal(picture, before)
    turned = picture.permute(3, 0, 2, 1).contiguous().permute(1, 3, 2, 0)
    assert not turned.is_contiguous()
    for name, features in tiny(turned, tiny.names).items():
        torch.testing.assert_close(features, expected[name])


def test_features_are_float32_or_better(tiny, picture):
    half = tiny_network(dtype=torch.bfloat16)(picture.float(), ["conv2_1"])["conv2_1"]
    single = tiny_network(dtype=torch.float32)(picture.float(), ["conv2_1"])["conv2_1"]
    double = tiny(picture, ["conv2_1"])["conv2_1"]
    assert (half.dtype, single.dtype, double.dtype) == (torch.float32, torch.float32, torch.float64)
    close(single.double(), double, 1e-6)
    close(half.double(), double, 3e-2)
    assert not torch.equal(half, single)


def test_half_precision_has_the_same_filters_in_float32_beside_it(tiny, tiny32, picture):
    half = tiny_network(dtype=torch.bfloat16)
    for network in (half, half.with_padding("reflect")):
        assert network.precise.space == network.space and network.precise.dtype == torch.float32
        expected = tiny32.with_padding(network.padding)(picture, tiny32.names)
        for name, features in network.precise(picture, tiny32.names).items():
            assert torch.equal(features, expected[name])
    assert half.precise.precision == "float32" and half.precision == "bfloat16"
    assert tiny.precise is tiny and tiny32.precise is tiny32


def test_mean_and_deviation_are_those_of_the_weights(picture):
    made = random_weights(TINY, 0)
    mean, std = (0.1, 0.5, 0.7), (0.3, 0.2, 2.0)
    net = Network("tiny", TINY, Weights(made.tensors, mean, std, "", ""), dtype=torch.float64)
    plain = Network("tiny", TINY, Weights(made.tensors, (0,) * 3, (1,) * 3, "", ""))
    m, s = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (mean, std))
    found, expected = net(picture, ["conv2_1"]), plain((picture - m) / s, ["conv2_1"])
    close(found["conv2_1"], expected["conv2_1"].double(), 1e-5)


# --- circular padding


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("border", [(1, 1), (2, 2), (0, 1), (1, 0), (3, 2)])
def test_continued_pictures_are_those_of_torch_and_have_their_gradient(border, layout):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = x.to(memory_format=layout).requires_grad_()
    found = operations._Wrapped.apply(x, *border)
    assert torch.equal(found, torch.nn.functional.pad(x, border * 2, "circular"))
    assert found.is_contiguous(memory_format=layout)
    assert torch.autograd.gradcheck(operations._Wrapped.apply, (x, *border))


@torch.no_grad()
def test_the_embedded_network_wraps_up_to_conv5_1():
    net = load_network(padding="circular", precision="float64")
    names = [name for name in net.names if name <= "conv5_1"]
    image = seeded_picture(48, 80, count=2)
    found = net(image, names)
    for name, rolled in net(image.roll((-16, 32), (2, 3)), names).items():
        stride = net.reach(name).stride
        expected = found[name].roll((-16 // stride, 32 // stride), (2, 3))
        assert rolled.shape[2:] == (48 // stride, 80 // stride)
        close(rolled, expected, 1e-12)


def test_a_circular_network_has_the_right_gradient():
    net = tiny_network(padding="circular")
    image = seeded_picture(8, 12, count=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: net(x, ["pre:conv3_1"])["pre:conv3_1"], image)


@pytest.mark.parametrize("padding", ["zeros", "replicate", "reflect", "circular"])
def test_with_padding_shares_the_filters(tiny, picture, padding):
    other = tiny.with_padding(padding)
    assert other.filters is tiny.filters and tiny.padding == "zeros"
    assert other.space == tiny_network(padding=padding).space
    expected = tiny_network(padding=padding)(picture, tiny.names)
    for name, features in other(picture, tiny.names).items():
        assert torch.equal(features, expected[name])


def test_with_padding_refuses_an_unknown_one(tiny):
    with pytest.raises(UsageError, match="unknown padding 'circle'. Did you mean 'circular'"):
        tiny.with_padding("circle")


@pytest.mark.parametrize(("height", "width"), [(48, 80), (64, 20), (45, 83), (12, 100)])
@pytest.mark.parametrize("tile", [4, 16, 32])
def test_a_circular_style_in_tiles_is_the_whole_pictures(height, width, tile):
    net, image = tiny_network(padding="circular"), seeded_picture(height, width)
    whole = Style.capture(net, image, net.names, tile=200)
    tiled = Style.capture(net, image, net.names, tile=tile)
    for name in net.names:
        assert tiled.layers[name].positions == whole.layers[name].positions
        torch.testing.assert_close(tiled.layers[name].gram, whole.layers[name].gram)
        torch.testing.assert_close(tiled.layers[name].mean, whole.layers[name].mean)


@pytest.mark.parametrize("name", ["vgg16-hed", "alexnet", "googlenet"])
def test_a_circular_style_in_tiles_at_real_strides(name):
    net = load_network(name, weights="random:0", padding="circular", precision="float64")
    layers = [one for one in net.names if net.reach(one).stride <= 8][::2]
    image = seeded_picture(64, 112)
    whole = Style.capture(net, image, layers, tile=112)
    for layer, one in Style.capture(net, image, layers, tile=32).layers.items():
        close(one.gram, whole.layers[layer].gram, 1e-12)


# --- refusals


def test_a_picture_that_is_too_small_names_both_sizes(tiny):
    with pytest.raises(UsageError, match=r"40x3 pixels is too small for conv3_1 .* needs 4x4"):
        tiny(seeded_picture(3, 40), ["conv1_1", "conv3_1"])
    assert tiny(seeded_picture(4, 40), ["conv3_1"])["conv3_1"].shape == (1, 5, 1, 10)
    reflecting = tiny_network(padding="reflect")
    with pytest.raises(UsageError, match=r"needs 8x8"):
        reflecting(seeded_picture(7, 40), ["conv3_1"])
    assert reflecting(seeded_picture(8, 40), ["conv3_1"])["conv3_1"].shape == (1, 5, 2, 10)
    with pytest.raises(UsageError, match=r"40x3 pixels is too small for conv3_1 .* needs 4x4"):
        tiny_network(padding="circular")(seeded_picture(3, 40), ["conv3_1"])


def test_a_picture_smaller_than_its_circular_border_names_both_sizes():
    net = load_network("alexnet", weights="random:0", padding="circular")
    smallest = net.minimum_side("conv1")
    assert smallest == 5  # 11 - 4 - 2 pixels behind it
    with pytest.raises(UsageError, match=r"40x4 pixels is too small for conv1 .* needs 5x5"):
        net(torch.rand(1, 3, 4, 40), ["conv1"])
    assert net(torch.rand(1, 3, 5, 40), ["conv1"])["conv1"].shape == (1, 64, 1, 10)


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "alexnet", "alexnet-st", "googlenet"])
def test_minimum_side_is_the_smallest_that_passes(name):
    net = load_network(name, weights="random:0")
    deepest = net.names[-1]
    side = net.minimum_side(deepest)
    assert min(net(torch.rand(1, 3, side, side + 3), [deepest])[deepest].shape) >= 1
    if side > 1:
        with pytest.raises(UsageError, match=f"needs {side}x{side}"):
            net(torch.rand(1, 3, side - 1, side + 3), [deepest])


def test_unknown_names_are_answered_with_the_nearest(tiny, picture):
    with pytest.raises(UsageError, match=r"unknown layer of tiny 'conv31'. Did you mean 'conv3_1'"):
        tiny(picture, ["conv31"])
    with pytest.raises(UsageError, match="no layers"):
        tiny(picture, [])
    with pytest.raises(UsageError, match="unknown pooling 'mean'.*average, max"):
        tiny_network(pooling="mean")
    with pytest.raises(UsageError, match="unknown padding 'zero'. Did you mean 'zeros'"):
        tiny_network(padding="zero")
    with pytest.raises(UsageError, match="unknown network 'vgg'"):
        load_network("vgg")
    with pytest.raises(UsageError, match="unknown precision 'float16'"):
        load_network("alexnet", weights="random:0", precision="float16")


@pytest.mark.parametrize("shape", [(3, 8, 9), (1, 1, 8, 9), (1, 8, 9, 3)])
def test_other_shapes_are_refused_with_the_shape(tiny, shape):
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        tiny(torch.zeros(shape), ["conv1_1"])


# --- names, sizes, spaces


def test_resolve_orders_and_drops_repeats(tiny):
    assert tiny.resolve(["relu3_1", "pre:conv1_1", "conv3_1"]) == ("conv1_1", "conv3_1")
    assert tiny.channels("relu2_1") == 6 and tiny.grid("conv3_1", 13, 22) == (3, 5)


def test_space_names_every_difference():
    one, other = tiny_network().space, tiny_network(pooling="max", padding="reflect", seed=1).space
    assert one == tiny_network().space and one.difference(one) == ""
    text = one.difference(other)
    assert "pooling max instead of average" in text and "padding reflect instead of zeros" in text
    assert f"weights {other.weights[:12]}... instead of {one.weights[:12]}..." in text


def test_space_names_the_options_that_lead_to_another():
    one = tiny_network().space
    there = replace(one, pooling="max", padding="reflect")
    assert one.options_for(there) == "--pooling max --padding reflect"
    other = replace(one, network="vgg16-hed", weights="0" * 64)
    assert one.options_for(other) == "--network vgg16-hed"  # which has its own weights
    assert one.options_for(replace(one, weights="0" * 64)) == "the --weights of then"
    assert one.options_for(one) == ""


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"avx2": True, "avx512_bf16": False}, "winograd"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bfloat16"),
    ],
)
def test_auto_precision_is_what_the_processor_is_fast_at(capabilities, precision, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert known_precision("auto", torch.device("cpu")) == precision
    assert known_precision("auto", torch.device("mps")) == "float32"
    for named in ("float32", "winograd", "bfloat16", "float64"):
        assert known_precision(named, torch.device("cpu")) == named


@pytest.mark.cuda
def test_float32_on_cuda_is_whole_float32(picture):
    """Not TF32, which is right to 1e-3."""
    there = tiny_network(dtype=torch.float32, device="cuda")(picture.float(), ["conv3_1"])
    here = tiny_network(dtype=torch.float64)(picture.double(), ["conv3_1"])["conv3_1"]
    assert float((there["conv3_1"].cpu() - here).norm() / here.norm()) < 1e-6


@pytest.mark.cuda
def test_cuda_gives_the_same_features(picture):
    here = tiny_network(dtype=torch.float64)(picture, ["conv3_1"])["conv3_1"]
    there = tiny_network(dtype=torch.float64, device="cuda")(picture, ["conv3_1"])["conv3_1"]
    assert there.is_cuda
    torch.testing.assert_close(there.cpu(), here)
