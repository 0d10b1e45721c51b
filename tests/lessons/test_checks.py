"""What holds for the checks of all exercises. The lists of wrong answers, each with its hint, stand with the lessons' tests."""

import importlib
import re

import nbformat
import numpy as np
import pytest
from scipy.stats import norm
from torch.nn.functional import softplus

from gan_edu import losses
from notebooks import NOTEBOOKS

NO_HINT = re.compile(
    r"stops with|nothing yet|should be [-\d(]|is not it|write (a|your)|down first|on paper"
)


def nothing(*_, **__):
    return None


def module_of(lesson):
    """Return the module of a lesson's tests."""
    (notebook,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    return importlib.import_module(f"test_{notebook.stem}")


def listed(lesson, test):
    """Return the parametrised wrong answers of a lesson's test, as [(answer, its hint)]."""
    (mark,) = [m for m in getattr(module_of(lesson), test).pytestmark if m.name == "parametrize"]
    rows = [
        row if len(row) == 2 else (row[0], "Right" if row[1] else row[2]) for row in mark.args[1]
    ]
    return [(answer, hint) for answer, hint in rows if hint not in ("Right", None)]


def of(lesson, name, *arguments, **named):
    """Return a right answer that a lesson's test builds."""
    return getattr(module_of(lesson), name)(*arguments, **named)


CASES = {  # check: (lesson, its test, a right answer or a function of nothing that builds it, an empty answer)
    "check_gap": ("00", "test_each_wrong_gap_gets_its_own_hint", lambda: lambda r, f: r.mean() - f.mean(), nothing),
    "check_kl": ("01", "test_each_wrong_kl_gets_its_own_hint", lambda: module_of("01").right_kl, nothing),
    "check_bce": ("01", "test_each_wrong_bce_gets_its_own_hint", lambda: module_of("01").right_bce, nothing),
    "check_tv": ("01", "test_each_wrong_tv_gets_its_own_hint", lambda: module_of("01").right_tv, nothing),
    "check_js": ("01", "test_each_wrong_js_gets_its_own_hint", lambda: module_of("01").right_js, nothing),
    "check_kl_batch": ("01", "test_each_wrong_batch_estimate_gets_its_own_hint", lambda: lambda x, a, b: np.mean(a(x) - b(x)), nothing),
    "check_share": ("02", "test_each_wrong_share_gets_its_own_hint", lambda: lambda p, q, s: s * p / (s * p + q - s * q), nothing),
    "check_losses": ("02", "test_each_wrong_pair_of_losses_gets_its_own_hint", lambda: lambda a: (-softplus(a).mean(), softplus(-a).mean()), nothing),
    "check_one_divergence": ("02", "test_each_wrong_divergence_gets_its_own_hint", lambda: lambda kl, p, q: 2 * kl((p + q) / 2, p), nothing),
    "check_bugs": ("02", "test_each_wrong_step_gets_its_own_hint", lambda: of("02", "stepping"), nothing),
    "check_ideal_map": ("03", "test_each_wrong_map_gets_its_own_hint", lambda: lambda z: norm.ppf((z + 1) / 2, 4, 0.5), nothing),
    "check_step": ("03", "test_each_wrong_step_gets_its_own_hint", lambda: of("03", "stepping", module_of("03").both, module_of("03").towards_real), nothing),
    "check_push": ("03", "test_each_wrong_push_gets_its_own_hint", lambda: module_of("03").room.push, nothing),
    "check_closeness": ("03", "test_each_wrong_count_gets_its_own_hint", lambda: of("03", "counts"), nothing),
    "check_stair": ("03", "test_each_wrong_stair_gets_its_own_hint", lambda: lambda n: 0.5 ** (n // 500), nothing),
    "check_matrix": ("04", "test_each_wrong_matrix_gets_its_own_hint", lambda: lambda h, g: [[1 - h * h, h - h * h * g], [-h, 1 - h * g]], nothing),
    "check_friction": ("04", "test_each_wrong_friction_gets_its_own_hint", lambda: lambda t, p, k: (-p, t + k.gamma * p), nothing),
    "check_r1": ("04", "test_each_wrong_penalty_gets_its_own_hint", lambda: of("04", "stepping", module_of("04").r1), nothing),
    "check_w1_line": ("05", "test_each_wrong_w1_gets_its_own_hint", lambda: lambda p, q, h: h * abs(np.cumsum(p - q)).sum(), nothing),
    "check_coupling": ("05", "test_each_wrong_coupling_gets_its_own_hint", lambda: [[0.5, 0, 0], [0, 0, 0.5], [0, 0, 0]], [[...] * 3] * 3),
    "check_transport": ("05", "test_each_wrong_programme_gets_its_own_hint", lambda: of("05", "programme"), nothing),
    "check_prices": ("05", "test_each_wrong_price_list_gets_its_own_hint", lambda: ([0, 2, 1], [1, 2, 4]), ([...] * 3, [...] * 3)),
    "check_w_samples": ("05", "test_each_wrong_w_of_samples_gets_its_own_hint", lambda: of("05", "by", lambda d, c, r: c[module_of("05").best(c)].mean() ** (1 / r)), nothing),
    "check_sinkhorn": ("05", "test_each_wrong_sinkhorn_gets_its_own_hint", lambda: of("05", "blurring"), nothing),
    "check_price_list": ("06", "test_each_wrong_price_list_gets_its_own_hint", lambda: [4, 3, 2, 1, 0, 1, 2, 3, 4], [...] * 9),
    "check_wgan_losses": ("06", "test_each_wrong_triple_of_losses_gets_its_own_hint", lambda: module_of("06").three, nothing),
    "check_targets": ("06", "test_each_wrong_target_gets_its_own_hint", lambda: of("06", "to", -1, 1, -1), dict.fromkeys(("real", "fake", "generator"), ...)),
    "check_clipping": ("06", "test_each_wrong_clipping_gets_its_own_hint", lambda: losses.clip_weights_, nothing),
    "check_loop": ("06", "test_each_wrong_loop_gets_its_own_hint", lambda: module_of("06").variant(), nothing),
    "check_ratios": ("07", "test_each_wrong_ratio_gets_its_own_hint", lambda: lambda c, lr, s: c[s.argmax(1)] / lr, nothing),
    "check_largest_slope": ("07", "test_each_wrong_slope_gets_its_own_hint", lambda: lambda w, c: np.prod(w) * c ** (len(w) - 1), nothing),
    "check_power": ("07", "test_each_wrong_power_gets_its_own_hint", lambda: lambda c, g: np.polyfit(np.log(c), np.log(g), 1)[0], nothing),
    "check_rmsprop": ("07", "test_each_wrong_rmsprop_gets_its_own_hint", lambda: module_of("07").torchs, nothing),
    "check_rise": ("08", "test_each_wrong_rise_gets_its_own_hint", lambda: lambda u, v, d, i, j: (u[i] + v[j]) / d[i, j], nothing),
    "check_repairs": ("08", "test_each_wrong_repair_gets_its_own_hint", lambda: of("08", "repairs"), nothing),
    "check_five_lines": ("08", "test_each_wrong_five_lines_gets_its_own_hint", lambda: of("08", "wrong"), nothing),
    "check_gp_step": ("08", "test_each_wrong_gp_step_gets_its_own_hint", lambda: of("08", "stepping", lambda gap, w, p, k: w * p - gap), nothing),
    "check_three_methods": ("09", "test_each_wrong_step_gets_its_own_hint", lambda: of("09", "learner"), nothing),
    "check_split": ("09", "test_each_wrong_split_gets_its_own_hint", lambda: lambda x: (x.var(0).mean(), x.mean(0).var(), x.var()), nothing),
    "check_first_share": ("09", "test_each_wrong_first_share_gets_its_own_hint", lambda: lambda x: of("09", "share", x - x.mean(0)), nothing),
    "check_constant_generator": ("09", "test_each_wrong_constant_generator_gets_its_own_hint", lambda: lambda z: module_of("09").EVEN.expand(len(z), 512), nothing),
    "check_switch": ("10", "test_each_wrong_switch_gets_its_own_hint", lambda: module_of("10").of_parts, nothing),
    "check_law": ("10", "test_each_wrong_law_gets_its_own_hint", lambda: lambda W, k: (1 + W / (2 * k), W + W * W / (2 * k)), nothing),
    "check_bound": ("10", "test_each_wrong_bound_gets_its_own_hint", lambda: of("10", "bound_by", lambda gap, g: gap / g.norm(dim=1).max()), nothing),
    "check_inverse": ("10", "test_each_wrong_inverse_gets_its_own_hint", lambda: lambda gap, k: (k * k + 2 * k * gap) ** 0.5 - k, nothing),
    "check_scaling": ("11", "test_each_wrong_scale_gets_its_own_hint", lambda: lambda v: (v / 127.5 - 1, v / 255), nothing),
    "check_digit_generator": ("11", "test_each_wrong_generator_gets_its_own_hint", lambda: of("11", "generator"), nothing),
    "check_digit_critic": ("11", "test_each_wrong_critic_gets_its_own_hint", lambda: of("11", "critic"), nothing),
    "check_digit_step": ("11", "test_each_wrong_digit_step_gets_its_own_hint", lambda: module_of("11").checks.stepping(), nothing),
    "check_nearest_digit": ("11", "test_each_wrong_neighbour_gets_its_own_hint", lambda: lambda x, y: tuple(of("11", "far", x, y).min(1)), nothing),
    "check_slips": ("11", "test_each_wrong_set_of_slips_gets_its_own_hint", lambda: "abcfg", ...),
    "check_idx_file": ("11", "test_each_wrong_file_gets_its_own_hint", lambda: of("11", "written"), nothing),
    "check_one_backward": ("13", "test_each_wrong_loss_of_d_gets_its_own_hint", lambda: of("13", "loss"), nothing),
    "check_batch": ("13", "test_each_wrong_batch_gets_its_own_hint", lambda: of("13", "turn"), nothing),
    "check_checkpoint": ("13", "test_each_wrong_checkpoint_gets_its_own_hint", lambda: (of("13", "saving"), of("13", "loading")), (nothing, nothing)),
    "check_verdict": ("13", "test_each_wrong_verdict_gets_its_own_hint", lambda: of("13", "judged"), nothing),
    "check_frechet": ("14", "test_each_wrong_frechet_gets_its_own_hint", lambda: of("14", "distance"), nothing),
    "check_precision": ("14", "test_each_wrong_precision_gets_its_own_hint", lambda: of("14", "share"), nothing),
    "check_copies": ("14", "test_each_wrong_share_of_copies_gets_its_own_hint", lambda: lambda x, t, f: (of("14", "near", x, t) < of("14", "near", f, t).quantile(0.01)).double().mean(), nothing),
    "check_r1_pictures": ("14", "test_each_wrong_r1_of_pictures_gets_its_own_hint", lambda: of("14", "penalty"), nothing),
    "check_limit": ("14", "test_each_wrong_limit_gets_its_own_hint", lambda: lambda n, F: np.polyfit(1 / n, F, 1)[1], nothing),
    "check_projection": ("17", "test_each_wrong_projection_gets_its_own_hint", lambda: module_of("17").PROJECTION, nothing),
    "check_heads": ("17", "test_each_wrong_class_loss_gets_its_own_hint", lambda: module_of("17").class_loss, nothing),
    "check_changed": ("17", "test_each_wrong_changed_gets_its_own_hint", lambda: module_of("17").changed, nothing),
    "check_mixed": ("17", "test_each_wrong_mixed_gets_its_own_hint", lambda: module_of("17").mixed, nothing),
    "check_faces": ("12", "test_each_wrong_data_set_gets_its_own_hint", lambda: of("12", "faces"), nothing),
    "check_to_batch": ("12", "test_each_wrong_batch_gets_its_own_hint", lambda: lambda d: module_of("12").torch.from_numpy(d).permute(2, 0, 1)[:, None], nothing),
    "check_size_out": ("12", "test_each_wrong_size_gets_its_own_hint", lambda: of("12", "sides"), nothing),
    "check_up_block": ("12", "test_each_wrong_up_block_gets_its_own_hint", lambda: of("12", "up"), nothing),
    "check_down_block": ("12", "test_each_wrong_down_block_gets_its_own_hint", lambda: of("12", "down"), nothing),
    "check_period_two": ("12", "test_each_wrong_power_gets_its_own_hint", lambda: module_of("12").checks.power_ratio, nothing),
    "check_slerp": ("15", "test_each_wrong_slerp_gets_its_own_hint", lambda: of("15", "arc"), nothing),
    "check_direction": ("15", "test_each_wrong_direction_gets_its_own_hint", lambda: of("15", "pointing"), nothing),
    "check_colour": ("15", "test_each_wrong_colour_gets_its_own_hint", lambda: of("15", "coloured"), nothing),
    "check_asked_generator": ("16", "test_each_wrong_generator_gets_its_own_hint", lambda: of("16", "generator"), nothing),
    "check_pair_logit": ("16", "test_each_wrong_pair_gets_its_own_hint", lambda: of("16", "pairing"), nothing),
    "check_turns": ("16", "test_each_wrong_turn_gets_its_own_hint", lambda: of("16", "turn"), nothing),
    "check_spread_within": ("16", "test_each_wrong_spread_gets_its_own_hint", lambda: of("16", "spread"), nothing),
    "check_two_pictures": ("16", "test_each_wrong_pair_of_pictures_gets_its_own_hint", lambda: of("16", "around", lambda x: x.std(0)), nothing),
    "check_class_loss": ("16", "test_each_wrong_class_loss_gets_its_own_hint", lambda: of("16", "classed"), nothing),
    "check_cutout": ("15", "test_each_wrong_cutout_gets_its_own_hint", lambda: of("15", "cut"), nothing),
    "check_inversion": ("15", "test_each_wrong_search_gets_its_own_hint", lambda: of("15", "found"), nothing),
    "check_sign": ("18", "test_each_wrong_sign_gets_its_own_hint", lambda: (module_of("18").SIGN, lambda s: -s.mean()), (nothing, nothing)),
    "check_norm": ("18", "test_each_wrong_norm_gets_its_own_hint", lambda: (module_of("18").NORM, module_of("18").FLAT), (nothing, nothing)),
    "check_leak": ("18", "test_each_wrong_leak_gets_its_own_hint", lambda: (module_of("18").LEAK, module_of("18").TURN), (nothing, nothing)),
    "check_bias": ("18", "test_each_wrong_bias_gets_its_own_hint", lambda: (module_of("18").BIAS, module_of("18").MADE), (nothing, nothing)),
    "check_layout": ("18", "test_each_wrong_layout_gets_its_own_hint", lambda: (module_of("18").LAYOUT, module_of("18").READ), (nothing, nothing)),
    "check_added": ("18", "test_each_wrong_added_gets_its_own_hint", lambda: module_of("18").lesson["added_test"], nothing),
    "check_from_z": ("18", "test_each_wrong_from_z_gets_its_own_hint", lambda: module_of("18").lesson["from_z_test"], nothing),
    "check_shares": ("18", "test_each_wrong_shares_gets_its_own_hint", lambda: module_of("18").lesson["shares_test"], nothing),
    "check_spread": ("18", "test_each_wrong_spread_gets_its_own_hint", lambda: module_of("18").lesson["spread_test"], nothing),
    "check_eval": ("18", "test_each_wrong_eval_gets_its_own_hint", lambda: module_of("18").lesson["eval_test"], nothing),
}  # fmt: skip
ASKED = {  # how an answer is handed over, where it is not simply check(answer)
    **dict.fromkeys(
        ("check_sign", "check_norm", "check_leak", "check_bias", "check_layout"),
        lambda check, answer: (
            check(*answer) if isinstance(answer, tuple) else check(answer, answer)
        ),
    ),
    "check_checkpoint": lambda check, answer: check(*answer),
}
by_check = pytest.mark.parametrize("name", sorted(CASES))


def verdict_on(name, answer, capsys):
    ask = ASKED.get(name, lambda check, answer: check(answer))
    check = getattr(importlib.import_module(f"gan_edu.lessons.l{CASES[name][0]}_checks"), name)
    return ask(check, answer), capsys.readouterr().out


@by_check
def test_a_right_answer_passes(name, capsys):
    verdict, words = verdict_on(name, CASES[name][2](), capsys)
    assert verdict is True and words.startswith("Right: ")


@by_check
def test_an_empty_answer_gets_a_helpful_word(name, capsys):
    verdict, words = verdict_on(name, CASES[name][3], capsys)
    assert verdict is False and words.startswith("Not yet: ") and len(words.split()) > 7


@by_check
def test_at_least_three_mistakes_are_told_apart(name, capsys):
    hints = set()
    for answer, _ in listed(*CASES[name][:2]):
        verdict, words = verdict_on(name, answer, capsys)
        assert verdict is False and words.startswith("Not yet: ") and words.count("\n") == 1
        if not NO_HINT.search(words):
            hints.add(words)
    assert len(hints) >= 3, hints


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb"))[1:], ids=lambda path: path.stem)
def test_every_lesson_has_two_exercises_that_are_checked(path):
    code = [
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    ]
    called = {
        name
        for source in code
        for name in re.findall(r"(?:^| if )(check_\w+)\(", source, re.MULTILINE)
    }
    assert len(called) >= 2 and called <= {
        *CASES,
        "check_three_runs",
    }  # that one needs the lesson's own step
