"""A DCGAN on faces as lesson 13 writes it: what build() and step() are made of, on a GPU where there is one."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.optim.swa_utils import AveragedModel

from gan_edu.datasets import Batches
from gan_edu.losses import r1_penalty
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, init_dcgan_weights_
from gan_edu.run import Players, adam, descend

LATENT_DIM, LAZY = 100, 16  # R1 is computed in every 16th step, 16 times as strong


def device():
    """Return the name of the device to train on: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def fast(device):
    """Return a context that computes in bfloat16 where this device, the one of the networks, has instructions for it.

    Elsewhere it changes nothing: a processor without them imitates bfloat16, up to 15 times slower than float32.
    """
    kind = torch.device(device).type
    has = {
        "cuda": lambda: torch.cuda.get_device_capability(device) >= (8, 0),
        "cpu": lambda: torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported(),
    }
    return torch.autocast(kind, torch.bfloat16, enabled=kind in has and has[kind]())


def pictures(images, device):
    """Return bytes (n, 3, S, S) as floats from -1 to 1 on the device, channels last in memory, as convolutions like them."""
    x = images.to(device).to(torch.float32, memory_format=torch.channels_last)
    return x / 127.5 - 1


def build_faces(images, width=16, batch_size=32, betas=(0.5, 0.99), norm=True):
    """Return the players for these pictures, uint8 (N, 3, S, S): G, D, their optimisers, batches, and mean_G, see `averaged`.

    Every layer that no batch normalisation follows has a bias. norm: whether D has batch normalisation.
    """
    sizes = dict(width=width, image_size=images.shape[-1], channels=images.shape[1], bias=True)
    nets = DCGANGenerator(LATENT_DIM, **sizes), DCGANDiscriminator(**sizes, norm=norm)
    place = dict(device=device(), memory_format=torch.channels_last)
    G, D = (init_dcgan_weights_(net).to(**place) for net in nets)
    return Players(
        G=G, D=D, opt_G=adam(G, betas), opt_D=adam(D, betas),
        batches=Batches(images, batch_size), mean_G=averaged(G),
    )  # fmt: skip


def averaged(G):
    """Return G with averaged weights: after n updates (1 - s) times those of G plus s times its own, s = min(0.999, n / (9 + n)).

    So the random first weights are soon forgotten. Its other numbers are G's. Yazıcı et al. (2019), section 3.
    """

    @torch.no_grad()
    def average(mine, others, n):
        share = min(0.999, (n.item() + 1) / (n.item() + 10))
        torch._foreach_lerp_(mine, others, 1 - share)

    return AveragedModel(G, multi_avg_fn=average).requires_grad_(False)


def step_faces(gan, knobs):
    """Train once, knobs: lr_d, lr_g and r1, the λ of R1 (0: none); return losses and mean outputs of D to log.

    One batch of generated pictures for both updates, as in the authors' code: judged before and after D's own.
    real_label, another knob, where there is one: what D should say of real pictures, 1 by default.
    """
    place = next(gan.G.parameters()).device
    x_real = pictures(next(gan.batches), place)
    ones = torch.ones(len(x_real), device=place)
    with fast(place):
        x_fake = gan.G(torch.randn(len(x_real), LATENT_DIM, device=place))
        on_real, before = gan.D(x_real).float(), gan.D(x_fake.detach()).float()
    loss_D = bce(on_real, getattr(knobs, "real_label", 1.0) * ones) + bce(before, 0 * ones)
    lazy = knobs.r1 and knobs.n % LAZY == 0
    penalty = LAZY * knobs.r1 * r1_penalty(gan.D, x_real, None) if lazy else 0
    descend(gan.opt_D, loss_D + penalty, lr=knobs.lr_d)
    with fast(place):
        after = gan.D(x_fake).float()
    loss_G = bce(after, ones)
    descend(gan.opt_G, loss_G, lr=knobs.lr_g)
    gan.mean_G.update_parameters(gan.G)
    outputs = {"D(x)": on_real, "D(G(z)) before": before, "D(G(z)) after": after}
    shares = {name: logits.sigmoid().mean() for name, logits in outputs.items()}
    return {"Loss_D": loss_D, "Loss_G": loss_G} | shares
