"""GAN training steps as a typical PyTorch tutorial writes them: what the package is measured against.

Default optimisers, two passes of the discriminator, `zero_grad`, `detach`, `backward`, `.item()` for the log. New latents
for the generator's update (Goodfellow et al. 2014, algorithm 1), as in the package, so that both do the same work; the
DCGAN, like its model, judges the same ones again, and the package does so as well there.
"""

import pathlib

import numpy as np
import torch
from PIL import Image
from torch import nn


def textbook_gan(
    generator, discriminator, sample_real, sample_latent, batch_size=64, lr_d=2e-2, lr_g=5e-3
):
    """Return a function that trains one step of a plain GAN and returns (d_loss, g_loss)."""
    criterion = nn.BCEWithLogitsLoss()
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=lr_d, betas=(0.5, 0.999))
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=lr_g, betas=(0.5, 0.999))
    real_label = torch.ones(batch_size, 1)
    fake_label = torch.zeros(batch_size, 1)

    def train_step():
        # Train the discriminator
        optimizer_d.zero_grad()
        loss_real = criterion(discriminator(sample_real(batch_size)), real_label)
        fake = generator(sample_latent(batch_size))
        loss_fake = criterion(discriminator(fake.detach()), fake_label)
        loss_d = loss_real + loss_fake
        loss_d.backward()
        optimizer_d.step()

        # Train the generator
        optimizer_g.zero_grad()
        fake = generator(sample_latent(batch_size))
        loss_g = criterion(discriminator(fake), real_label)
        loss_g.backward()
        optimizer_g.step()
        return loss_d.item(), loss_g.item()

    return train_step


def textbook_wgan_gp(
    generator, critic, sample_real, sample_latent, batch_size=128, lr=1e-3, lambda_gp=0.5
):
    """Return a function that trains one step of a WGAN with gradient penalty, one critic update to one of the generator."""
    optimizer_d = torch.optim.Adam(critic.parameters(), lr=lr, betas=(0.5, 0.9))
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=lr, betas=(0.5, 0.9))

    def compute_gradient_penalty(real, fake):
        alpha = torch.rand(real.size(0), 1)
        interpolates = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        d_interpolates = critic(interpolates)
        gradients = torch.autograd.grad(
            outputs=d_interpolates,
            inputs=interpolates,
            grad_outputs=torch.ones_like(d_interpolates),
            create_graph=True,
            retain_graph=True,
        )[0]
        gradients = gradients.view(gradients.size(0), -1)
        return ((gradients.norm(2, dim=1) - 1) ** 2).mean()

    def train_step():
        # Train the critic
        optimizer_d.zero_grad()
        real = sample_real(batch_size)
        fake = generator(sample_latent(batch_size)).detach()
        penalty = compute_gradient_penalty(real, fake)
        loss_d = -critic(real).mean() + critic(fake).mean() + lambda_gp * penalty
        loss_d.backward()
        optimizer_d.step()

        # Train the generator
        optimizer_g.zero_grad()
        fake = generator(sample_latent(batch_size))
        loss_g = -critic(fake).mean()
        loss_g.backward()
        optimizer_g.step()
        return loss_d.item(), penalty.item(), loss_g.item()

    return train_step


class PictureFiles(torch.utils.data.Dataset):
    """The pictures of a folder, decoded when they are asked for, as in PyTorch's DCGAN tutorial (there by torchvision)."""

    def __init__(self, folder, image_size=64):
        self.files = sorted(pathlib.Path(folder).iterdir())
        self.image_size = image_size

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        image = Image.open(self.files[index]).convert("RGB")
        width, height = image.size
        scale = self.image_size / min(width, height)  # Resize
        image = image.resize((round(width * scale), round(height * scale)), Image.BILINEAR)
        left, top = (
            (image.width - self.image_size) // 2,
            (image.height - self.image_size) // 2,
        )  # CenterCrop
        image = image.crop((left, top, left + self.image_size, top + self.image_size))
        tensor = (
            torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        )  # ToTensor
        mean, std = torch.tensor([0.5, 0.5, 0.5]), torch.tensor([0.5, 0.5, 0.5])  # Normalize
        return (tensor - mean[:, None, None]) / std[:, None, None]


def textbook_dcgan(generator, discriminator, batches, latent_dim=100, lr=2e-4):
    """Return a function that trains one step of a DCGAN on the next of `batches` and returns losses and mean outputs.

    After PyTorch's DCGAN tutorial: one pass through D and one `backward` for each of the two batches; the generator's
    update judges the same generated batch again, and fills the gradients of D, which nobody uses.
    """
    criterion = (
        nn.BCEWithLogitsLoss()
    )  # the tutorial's D ends in a sigmoid and it takes BCELoss: the same numbers
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=lr, betas=(0.5, 0.999))
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=lr, betas=(0.5, 0.999))

    def train_step():
        # Update D: all-real batch
        discriminator.zero_grad()
        real = next(batches)
        label = torch.full((real.size(0),), 1.0)
        output = discriminator(real).view(-1)
        loss_real = criterion(output, label)
        loss_real.backward()
        d_x = torch.sigmoid(output).mean().item()
        # All-fake batch
        fake = generator(torch.randn(real.size(0), latent_dim))
        label.fill_(0.0)
        output = discriminator(fake.detach()).view(-1)
        loss_fake = criterion(output, label)
        loss_fake.backward()
        d_g_z1 = torch.sigmoid(output).mean().item()
        loss_d = loss_real + loss_fake
        optimizer_d.step()

        # Update G
        generator.zero_grad()
        label.fill_(1.0)
        output = discriminator(fake).view(-1)
        loss_g = criterion(output, label)
        loss_g.backward()
        d_g_z2 = torch.sigmoid(output).mean().item()
        optimizer_g.step()
        return loss_d.item(), loss_g.item(), d_x, d_g_z1, d_g_z2

    return train_step
