"""Checks for the exercises: each prints what to look at next, in words, and returns whether the answer is right."""

from gan_edu.checks.lesson_01 import check_js_disjoint, check_kl_gaussians, check_wasserstein_samples
from gan_edu.checks.lesson_02 import check_discriminator_turn, check_smoothed_optimum, check_value
from gan_edu.checks.lesson_03 import check_minibatch_std
from gan_edu.checks.lesson_04 import check_clip_weights, check_constant_generator, check_critic_loss
from gan_edu.checks.lesson_05 import check_batch_dependent, check_gradient_penalty, check_predicted_gap
from gan_edu.checks.lesson_06 import check_one_pass_step, check_upsampling
from gan_edu.checks.lesson_07 import check_class_logits, check_conditional_generator
from gan_edu.checks.lesson_08 import (
    check_auxiliary_loss,
    check_clipped_turn,
    check_generator_block,
    check_penalised_critic,
    check_signs,
    check_wgan_step,
)
from gan_edu.checks.say import check_prediction

__all__ = [
    "check_auxiliary_loss",
    "check_batch_dependent",
    "check_class_logits",
    "check_clip_weights",
    "check_clipped_turn",
    "check_conditional_generator",
    "check_constant_generator",
    "check_critic_loss",
    "check_discriminator_turn",
    "check_generator_block",
    "check_gradient_penalty",
    "check_js_disjoint",
    "check_kl_gaussians",
    "check_minibatch_std",
    "check_one_pass_step",
    "check_penalised_critic",
    "check_predicted_gap",
    "check_prediction",
    "check_signs",
    "check_smoothed_optimum",
    "check_upsampling",
    "check_value",
    "check_wasserstein_samples",
    "check_wgan_step",
]
