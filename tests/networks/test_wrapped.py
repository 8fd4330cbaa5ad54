"""Networks that are taken as they are: against torchvision's extractor, hooks, numpy, tables."""

import copy
import doctest

import numpy as np
import pytest
import torch
from tiny import seeded_picture
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names
from wrapped import LAYERS, Tiny, hooked, tiny_wrapped

import stylespace as ss
from stylespace.errors import StyleError, UsageError
from stylespace.losses.guides.masks import propagated
from stylespace.networks import wrapped
from stylespace.networks.architectures import Convolution, Pooling, Reach
from stylespace.networks.memory import kept_bytes
from stylespace.networks.network_entry import OWN

pytestmark = pytest.mark.usefixtures("one_thread")

MEAN, STD = (torch.tensor(one, dtype=torch.float64)[:, None, None] for one in wrapped.IMAGENET)
PICTURE = seeded_picture(24, 36, count=2)
WINDOWS = (Convolution("a", 3, 4, 5, 2, 1), Pooling(3, 2, 1), Convolution("b", 4, 4, 3, 1, 0))


@pytest.fixture(scope="module")
def resnet():
    """A residual network of torchvision's, with random weights."""
    return ss.load_network("torchvision:resnet18", weights="random:0")


def test_layers_are_those_of_torchvisions_feature_extraction(resnet):
    module = resnet.graph.module
    names = get_graph_node_names(module, suppress_diff_warning=True)[1]
    entry = resnet.entry
    assert {*names} <= {*resnet.names, *entry.other_names, *entry.unusable, "x"}
    asked = ["relu", "layer1.1", "layer2.0.bn2", "layer2.1", "layer4"]
    extractor = create_feature_extractor(module, {n: n for n in asked}, suppress_diff_warning=True)
    with torch.no_grad():
        expected = extractor(((PICTURE - MEAN) / STD).float())
    found = resnet(PICTURE, asked)
    assert list(found) == asked
    for name in asked:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-4)
        assert found[name].shape[2:] == resnet.grid(name, 24, 36)
        assert found[name].shape[1] == resnet.channels(name)


def test_what_is_written_over_in_place_is_kept_as_it_was(resnet):
    network = tiny_wrapped()
    expected = hooked(Tiny().double().eval(), (PICTURE - MEAN) / STD, ["first", "norm", "down"])
    found = network(PICTURE, LAYERS)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-14)
    assert (found["norm"] < 0).any() and (found["down"] < 0).any()  # before each ReLU in place
    np.testing.assert_allclose(found["act"], found["norm"].relu(), rtol=1e-12)
    names = [
        "conv1",
        "bn1",
        "layer1.0.bn1",
        "layer1.0.bn2",
        "layer3.0.downsample.1",
        "layer4.1.bn2",
    ]
    picture = ((PICTURE - MEAN) / STD).float()
    expected, found = (
        hooked(resnet.graph.module, picture, names),
        resnet(PICTURE, [*names, "layer4"]),
    )
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-4)


def test_an_operation_in_place_whose_result_is_not_read_counts():
    found = tiny_wrapped()(PICTURE, ["add", "last"])
    last = Tiny().double().last
    with torch.no_grad():
        np.testing.assert_allclose(found["last"], last(found["add"].relu()), rtol=1e-12)


def test_values_before_a_relu_are_what_it_reads():
    network = tiny_wrapped()
    found = network(PICTURE, ["pre:act", "norm", "pre:last", "last"])
    assert torch.equal(found["pre:act"], found["norm"])
    assert torch.equal(found["pre:last"], found["last"])


def test_grams_are_those_of_numpy_and_styles_hold_their_space(tmp_path):
    network = tiny_wrapped()
    style = ss.Style.capture(network, PICTURE[:1], LAYERS)
    for name, features in network(PICTURE[:1], LAYERS).items():
        rows = features[0].flatten(1).numpy()
        np.testing.assert_allclose(style.grams[name], rows @ rows.T / rows.shape[1], rtol=1e-9)
        np.testing.assert_allclose(style.layers[name].mean, rows.mean(1), rtol=1e-9, atol=1e-12)
    assert (style.space.pooling, style.space.padding) == (OWN, OWN)
    files = [tmp_path / f"{k}.style.safetensors" for k in range(2)]
    for file in files:
        ss.Style.capture(network, PICTURE[:1], LAYERS).save(file)
    assert files[0].read_bytes() == files[1].read_bytes()
    loaded = ss.Style.load(files[0])
    assert loaded.space == network.space and set(loaded.layers) == {*LAYERS}
    with pytest.raises(StyleError, match=r"weights .* instead of"):
        ss.Style.capture(tiny_wrapped(seed=1), loaded, ["act"])
    with pytest.raises(StyleError, match="network module:Tiny.* instead of vgg19-norm"):
        loaded.check_space(ss.load_network(weights="random:0").space)


def test_the_hash_is_of_every_weight_that_layers_have_and_of_what_pictures_are_brought_to():
    plain, module = tiny_wrapped(), Tiny()
    assert tiny_wrapped().sha256 == plain.sha256
    with torch.no_grad():
        module.head.weight[0, 0] += 1  # behind all layers
    assert ss.wrap_network(module).sha256 == plain.sha256
    for tensor in (module.first.weight, module.norm.running_var, module.last.bias):
        with torch.no_grad():
            tensor.view(-1)[-1] *= 1 + 2**-22
        changed = ss.wrap_network(module).sha256
        assert changed != plain.sha256
        plain = ss.wrap_network(module)
    assert tiny_wrapped(mean=(0.5, 0.5, 0.5)).sha256 != tiny_wrapped().sha256


def test_gradients_flow_to_the_picture_alone():
    network = tiny_wrapped()
    picture = seeded_picture(6, 10).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(network(x, LAYERS).values()), picture)
    assert not any(one.requires_grad for one in network.graph.module.parameters())


def test_the_module_stays_as_it_was_and_its_copy_too():
    module = Tiny().train()
    network = ss.wrap_network(module)
    before, expected = network(PICTURE, ["last"])["last"], copy.deepcopy(module.state_dict())
    assert module.training and all(one.requires_grad for one in module.parameters())
    assert all(torch.equal(expected[key], value) for key, value in module.state_dict().items())
    nn.init.zeros_(module.first.weight)
    assert torch.equal(network(PICTURE, ["last"])["last"], before)
    np.testing.assert_allclose(tiny_wrapped()(PICTURE, ["last"])["last"], before, atol=1e-5)


def test_half_precision_measures_in_float32_and_float64_is_precise():
    network = tiny_wrapped(precision="bfloat16")
    assert network(PICTURE, ["last"])["last"].dtype == torch.float32
    exact = tiny_wrapped()(PICTURE, ["last"])["last"]
    apart = [
        (one(PICTURE, ["last"])["last"] - exact).abs().max() for one in (network, network.precise)
    ]
    assert apart[1] < 1e-5 < apart[0] < 0.1
    assert network.precise.sha256 == network.sha256 and network.precise.precision == "float32"


def test_reach_is_that_of_the_windows():
    module = nn.Sequential(nn.Conv2d(3, 4, 5, 2, 1), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 4, 3))
    network, reach = ss.wrap_network(module), Reach()
    for name, window in zip(network.names, WINDOWS, strict=True):
        reach = reach.through(window)
        assert network.reach(name) == reach
        assert network.entry.strides[name] == reach.stride
    assert network.grid("2", 30, 21) == tuple(module(torch.zeros(1, 3, 30, 21)).shape[2:])
    smallest = network.minimum_side("2")
    assert module(torch.zeros(1, 3, smallest, smallest)).shape[2:] == (1, 1)
    with pytest.raises(RuntimeError):
        module(torch.zeros(1, 3, smallest - 1, smallest - 1))


def test_the_reach_of_torchvisions_alexnet_is_that_of_the_catalogue():
    library, own = (
        ss.load_network(name, weights="random:0") for name in ("torchvision:alexnet", "alexnet")
    )
    for layer, name in (("conv1", "features.1"), ("conv2", "features.4"), ("conv4", "features.9")):
        assert library.reach(name) == own.reach(layer)
        assert library.grid(name, 70, 95) == own.grid(layer, 70, 95)


def test_a_layer_that_sees_the_whole_picture_says_so():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            x = self.conv(x)
            return x * x.mean((2, 3), keepdim=True).sigmoid()

    network = ss.wrap_network(Gated())
    assert network.reach("mul").field > 2 * 1024 and network.reach("conv").field == 3
    with pytest.raises(UsageError, match=r"\(B, 4, 1, 1\) whatever the picture"):
        network.resolve(["sigmoid"])


def test_what_is_kept_counts_what_every_operation_makes():
    network = tiny_wrapped(precision="float32")
    made = {"first": (3 + 6) * 24 * 36, "down": 8 * 12 * 18, "avg_pool2d": 6 * 12 * 18}
    kept = dict(zip(network.names, kept_bytes(network, ["last"], 24, 36), strict=False))
    for name, count in made.items():
        assert kept[name] == 4 * count
    assert len(kept_bytes(network, ["norm"], 24, 36)) == 2


def test_masks_keep_their_shares_on_a_layers_grid():
    masks = torch.zeros(1, 2, 24, 36)
    masks[:, 0, :12], masks[:, 1, :, 18:] = 1, 1
    found = propagated(tiny_wrapped(), "add", masks)
    assert found.shape == (1, 2, 12, 18)
    assert torch.equal(found[0, :, 0, 0], torch.tensor([1.0, 0.0]))
    assert torch.equal(found[0, :, 0, -1], torch.tensor([0.5, 0.5]))
    assert torch.equal(found[0, :, -1, 0], torch.tensor([0.0, 0.0]))


class Rows(nn.Module):
    """A module whose layers end in (B, h, w, C), and in tokens."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 2, 2)
        self.norm = nn.LayerNorm(4)

    def forward(self, x):
        x = self.norm(self.conv(x).permute(0, 2, 3, 1))
        return x.flatten(1, 2)


def test_channels_last_are_layers_where_that_is_declared():
    with pytest.raises(UsageError, match=r"\(B, h, w, C\).*channels_last=True"):
        ss.wrap_network(Rows(), ["norm"])
    network = ss.wrap_network(Rows(), ["norm"], channels_last=True)
    found = network(PICTURE.float(), ["norm", "conv"])
    assert {name: tuple(x.shape) for name, x in found.items()} == {
        "norm": (2, 4, 12, 18), "conv": (2, 4, 12, 18)
    }  # fmt: skip
    assert network.grid("norm", 24, 36) == (12, 18)
    np.testing.assert_allclose(found["norm"].mean(1), 0, atol=1e-5)
    with pytest.raises(UsageError, match=r"gives \(B, 50176, 4\)|gives \(B, 25088, 4\)"):
        network.resolve(["flatten"])


class Deciding(nn.Module):
    def forward(self, x):
        return x if x.mean() > 0 else -x


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: tiny_wrapped(layers=["las"]), "has no layer 'las'.*Did you mean 'last'.*`names`"),
        (lambda: tiny_wrapped(layers=["head"]), r"'head' of module:Tiny.* gives \(B, 5\)"),
        (lambda: tiny_wrapped(mean=(0.5, 0.5)), "mean=.*three numbers are needed"),
        (lambda: tiny_wrapped(std=(0.5, 0, 0.5)), "std=.*three numbers are needed"),
        (lambda: tiny_wrapped(precision="winograd"), "precision winograd is for the networks of"),
        (lambda: tiny_wrapped(precision="half"), "unknown precision 'half'"),
        (lambda: ss.wrap_network("resnet18"), "module='resnet18'"),
        (lambda: ss.wrap_network(Deciding()), "module:Deciding cannot be followed layer by layer"),
        (lambda: ss.wrap_network(nn.Flatten()), r"no layer that gives \(B, C, h, w\)"),
        (lambda: tiny_wrapped().in_tiles(64), "sees pictures whole"),
        (lambda: tiny_wrapped().with_padding("reflect"), "keeps its own padding"),
        (lambda: tiny_wrapped()(PICTURE[..., :3], ["last"]), "too small for last of .* needs 6x6"),
        (lambda: tiny_wrapped()(PICTURE[..., :25], ["last"]), "takes no pictures of 25x24"),
        (lambda: tiny_wrapped().resolve([]), "no layers"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_line(make, said):
    with pytest.raises(UsageError, match=said) as error:
        make()
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_tiles_of_nothing_and_its_own_padding_are_the_network_itself():
    network = tiny_wrapped()
    assert network.in_tiles(0) is network and network.with_padding(OWN) is network


def test_the_example_runs():
    found = doctest.DocTestFinder().find(wrapped.wrap_network, globs={})
    assert sum(doctest.DocTestRunner().run(one).attempted for one in found) == 6
    assert all(doctest.DocTestRunner().run(one).failed == 0 for one in found)
