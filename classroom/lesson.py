"""Begin a lesson with copies of the template: python -m classroom.lesson 20 my_topic (make lesson NUMBER=20 NAME=my_topic)

Notebook, room, checks and tests come to their places under the lesson's number and name; nothing is overwritten.
"""

import argparse
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "classroom" / "template"
PLACES = {
    "NN_my_topic.ipynb": "notebooks",
    "lNN_my_topic.py": "gan_edu/lessons",
    "lNN_checks.py": "gan_edu/lessons",
    "test_NN_my_topic.py": "tests/lessons",
}
LEFT = """Change them into your lesson; CONTRIBUTING.md says how. Then
- store the outputs:  .venv/bin/python tests/store_outputs.py notebooks/{0}_{1}.ipynb
- add the lesson to the table of README.md, and a line for its room to the file tree there."""


def begin(number, name, root=ROOT):
    """Copy the template into the project at root as lesson `number`, such as "20"; return the new files."""
    if not re.fullmatch(r"\d\d", number) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"a lesson needs two digits and a name such as my_topic, got {number!r} and {name!r}")  # fmt: skip
    texts = {}
    for file, folder in PLACES.items():
        text = (TEMPLATE / file).read_text(encoding="utf-8")
        place = root / folder / renamed(file, number, name)
        texts[place] = renamed(text, number, name)
    there = [*(root / "notebooks").glob(f"{number}_*"), *filter(pathlib.Path.exists, texts)]
    if there:
        raise FileExistsError(f"there is a lesson {number} already: {there[0]}")
    for place, text in texts.items():
        place.write_text(text, encoding="utf-8")
    return list(texts)


def renamed(text, number, name):
    return text.replace("NN", number).replace("my_topic", name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("number", help="two digits, such as 20")
    parser.add_argument("name", help="in small letters, such as my_topic")
    given = parser.parse_args()
    try:
        made = begin(given.number, given.name)
    except (ValueError, FileExistsError) as fault:
        parser.error(str(fault))
    print(*(file.relative_to(ROOT) for file in made), sep="\n")
    print(LEFT.format(given.number, given.name))
