"""What of the package nobody uses: python tests/unused.py [--own]  (make unused)

Names: public functions, classes and methods of gan_edu that no notebook and no module of gan_edu, benchmarks or
classroom uses; tests do not count. Arguments: those with a default that no call gives another value.
With --own also the names that only their own module uses. What others check against, or call for us, is left out.
Names are compared, not objects: of two methods with one name, the use of one counts for both.
"""

import ast
import collections
import pathlib
import sys

import nbformat

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXED = set(
    # the run, seeds, panels, guesses
    "Run steps set goto fork reset use check code save load over_seeds members run live play pause explore record "
    "choice number curve reveal Players adam descend slider log_slider switch point bars sketch describe curves "
    # divergences, losses, networks, datasets, metrics, faces
    "entropy cross_entropy kl_divergence js_divergence total_variation kl_gaussians wasserstein_gaussians "
    "kl_from_densities js_from_densities wasserstein_1d optimal_transport discriminator_loss generator_loss_saturating "
    "generator_loss_nonsaturating critic_loss generator_loss_wasserstein wasserstein_estimate gradient_penalty "
    "clip_weights_ mlp MinibatchDiscrimination DCGANGenerator DCGANDiscriminator init_dcgan_weights_ gaussian_ring "
    "gaussian_grid swiss_roll load_idx mode_coverage make_faces load_faces "
    "forward extra_repr draw_still".split()  # torch calls these, tests/store_outputs.py the last
)


def sources():
    """Yield (name, tree) of all code that counts as a use: modules, and the cells of the notebooks."""
    for folder in ("gan_edu", "benchmarks", "classroom"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path, ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted([*(ROOT / "notebooks").glob("*.ipynb"), *ROOT.glob("classroom/*/*.ipynb")]):
        cells = nbformat.read(path, as_version=4).cells
        lines = "\n".join(c.source for c in cells if c.cell_type == "code").splitlines()
        yield path, ast.parse("\n".join(line for line in lines if line.lstrip()[:1] not in "%!"))


def definitions(tree):
    """Yield (its name in words, its node, whether it takes self) of the public functions, classes and methods."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node, False
            for part in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
                    decorators = {getattr(one, "id", "") for one in part.decorator_list}
                    yield f"{node.name}.{part.name}", part, "staticmethod" not in decorators


def look(trees):
    """Return where each name is used, how each is called, and which are handed on, so that others call them."""
    places, calls, handed_on = collections.defaultdict(set), collections.defaultdict(list), set()
    for path, tree in trees:
        nodes, own = list(ast.walk(tree)), set()
        imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        others = {alias.asname: alias.name for node in imports for alias in node.names}

        def name(node, others=others):
            word = getattr(node, "id", None) or getattr(node, "attr", None)
            return others.get(word, word) if isinstance(node, ast.Name) else word

        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):  # to call itself is no use
                own |= {id(part) for part in ast.walk(node) if name(part) == node.name}
            elif isinstance(node, ast.Call):
                calls[name(node.func)].append(node)
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            if isinstance(getattr(node, "ctx", None), ast.Load) and name(node):
                if id(node) not in own:
                    places[name(node)].add(path)
                if id(node) not in called:
                    handed_on.add(name(node))
    return places, calls, handed_on


def given(call, place, name):
    """Return whether a call may give the argument with this place and name; stars may give all."""
    if any(keyword.arg in (None, name) for keyword in call.keywords):
        return True
    return place < len(call.args) or any(isinstance(one, ast.Starred) for one in call.args)


def arguments(node, takes_self):
    """Yield (place, name) of the arguments that have a default; those by keyword only have no place."""
    if isinstance(node, ast.ClassDef):
        made = [part for part in node.body if getattr(part, "name", "") == "__init__"]
        yield from arguments(made[0], True) if made else ()
        return
    known = node.args.posonlyargs + node.args.args
    first = len(known) - len(node.args.defaults)
    yield from ((k - takes_self, one.arg) for k, one in enumerate(known) if k >= first)
    pairs = zip(node.args.kwonlyargs, node.args.kw_defaults)
    yield from ((10**9, one.arg) for one, default in pairs if default is not None)


def unused(trees, fixed=FIXED):
    """Return the lists (names that nobody uses, arguments that nobody gives, names for their own module only)."""
    uses, calls, handed_on = look(trees)
    nobody, never, own = [], [], []
    for path, tree in trees:
        if path.suffix != ".py" or "gan_edu" not in path.parts:
            continue
        for words, node, takes_self in definitions(tree):
            places, where = uses[node.name], f"{path.name}:{node.lineno} {words}"
            if node.name in fixed:
                continue
            if not places:
                nobody.append(where)
            elif places == {path} and "." not in words:
                own.append(where)
            if places and node.name not in handed_on:
                for place, name in arguments(node, takes_self):
                    if not any(given(call, place, name) for call in calls[node.name]):
                        never.append(f"{where}({name}=)")
    return nobody, never, own


if __name__ == "__main__":
    names, never, own = unused(list(sources()))
    print(f"{len(names)} names that nobody uses", *names, sep="\n  ")
    print(f"{len(never)} arguments that no call gives", *never, sep="\n  ")
    own = [f"{len(own)} names that only their own module uses (--own)", *own]
    print(*own[: None if "--own" in sys.argv else 1], sep="\n  ")
