"""Faces to train on: drawn by a program, with known attributes (draw), or read from files (files); and their judge."""

from gan_edu.faces.draw import ATTRIBUTES, PROBABILITIES, make_faces
from gan_edu.faces.files import load_faces

__all__ = ["ATTRIBUTES", "PROBABILITIES", "load_faces", "make_faces"]
