"""GAN training steps as a typical PyTorch tutorial writes them: what the package is measured against.

Default optimisers, two passes of the discriminator, `zero_grad`, `detach`, `backward`, `.item()` for the log. New latents
for the generator's update (Goodfellow et al. 2014, algorithm 1), as in the package, so that both do the same work.
"""

import torch
from torch import nn


def textbook_gan(generator, discriminator, sample_real, sample_latent, batch_size=64, lr_d=2e-2, lr_g=5e-3):
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


def textbook_wgan_gp(generator, critic, sample_real, sample_latent, batch_size=128, lr=1e-3, lambda_gp=0.5):
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
