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
                    static = any(
                        getattr(d, "id", "") == "staticmethod" for d in part.decorator_list
                    )
                    yield f"{node.name}.{part.name}", part, not static


class Uses(ast.NodeVisitor):
    """Where each name is used, how each is called, and which are handed on, so that others call them."""

    def __init__(self):
        self.places, self.calls, self.handed_on = collections.defaultdict(set), {}, set()

    def look(self, path, tree):
        self.path, self.inside, self.other_names = path, [], {}
        self.visit(tree)

    def name(self, node):
        word = getattr(node, "id", None) or getattr(node, "attr", None)
        return self.other_names.get(word, word)

    def visit_Import(self, node):
        for alias in node.names:
            self.other_names[alias.asname or alias.name] = alias.name

    visit_ImportFrom = visit_Import

    def visit_FunctionDef(self, node):
        self.inside.append(node.name)
        self.generic_visit(node)
        self.inside.pop()

    visit_ClassDef = visit_FunctionDef

    def used(self, name):
        if name not in self.inside:  # to call itself is no use
            self.places[name].add(self.path)

    def visit_Call(self, node):
        name = self.name(node.func)
        self.used(name)
        self.calls.setdefault(name, []).append(node)
        if isinstance(node.func, ast.Attribute):
            self.visit(node.func.value)
        elif not isinstance(node.func, ast.Name):
            self.visit(node.func)
        for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
            self.visit(part)

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.used(self.name(node))
            self.handed_on.add(self.name(node))

    def visit_Attribute(self, node):
        self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            self.used(node.attr)
            self.handed_on.add(node.attr)


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
    uses = Uses()
    for path, tree in trees:
        uses.look(path, tree)
    nobody, never, own = [], [], []
    for path, tree in trees:
        if path.suffix != ".py" or "gan_edu" not in path.parts:
            continue
        for words, node, takes_self in definitions(tree):
            places, where = uses.places[node.name], f"{path.name}:{node.lineno} {words}"
            if node.name in fixed:
                continue
            if not places:
                nobody.append(where)
            elif places == {path} and "." not in words:
                own.append(where)
            if places and node.name not in uses.handed_on:
                calls = uses.calls.get(node.name, ())
                for place, name in arguments(node, takes_self):
                    if not any(given(call, place, name) for call in calls):
                        never.append(f"{where}({name}=)")
    return nobody, never, own


if __name__ == "__main__":
    names, never, own = unused(list(sources()))
    print(f"{len(names)} names that nobody uses", *names, sep="\n  ")
    print(f"{len(never)} arguments that no call gives", *never, sep="\n  ")
    print(
        f"{len(own)} names that only their own module uses"
        + ("" if "--own" in sys.argv else " (--own)")
    )
    if "--own" in sys.argv:
        print(*(f"  {one}" for one in own), sep="\n")
