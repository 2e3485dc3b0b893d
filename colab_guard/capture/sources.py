"""The source of the notebook's functions, as the cells stand that defined them.

A cell's text is where Python's tracebacks look for it, in ``linecache``; what IPython put there is the text
after its own transformations, which is what the code was compiled from.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import linecache
import operator
import types
from dataclasses import replace
from typing import Any

from colab_guard.cell.scope import FUTURE, Source, functions_in
from colab_guard.core.secrets import is_masked
from colab_guard.integrations import is_entered

_files: dict[str, tuple[str, dict[str, list[Source]]]] = {}


def find_source(code: types.CodeType) -> Source | None:
    """Where a function's code comes from; None where no source is at hand (``exec``, ``%%time``), or none that could
    be run: of an earlier kernel's, with a secret masked in it.
    """
    found = _functions(code.co_filename).get(code.co_qualname, [])
    source = next((one for one in found if one.line == code.co_firstlineno), None)
    return None if source is None or is_masked(source.text) else _as_compiled(source, code)


def source_named(namespace: dict[str, Any], qualname: str) -> Source | None:
    """The function of that qualified name as the notebook defines it now; None where it does not."""
    thing = namespace.get(qualname.partition(".")[0])
    parts = vars(thing).values() if isinstance(thing, type) else [thing]
    for part in parts:
        inner: Any = getattr(part, "__func__", part)  # static and class methods
        part = inspect.unwrap(inner) if callable(inner) else inner
        if isinstance(part, types.FunctionType) and part.__globals__ is namespace:
            found = _functions(part.__code__.co_filename).get(qualname)
            if found:
                return _as_compiled(found[-1], part.__code__)
    return None


def source_in(module: str, qualname: str) -> Source | None:
    """The function of that qualified name in a library's module; None where it has none, or is not installed yet."""
    try:
        found: Any = inspect.unwrap(operator.attrgetter(qualname)(importlib.import_module(module)))
    except (ImportError, AttributeError):
        return None
    return find_source(found.__code__) if isinstance(found, types.FunctionType) else None


def _as_compiled(source: Source, code: types.CodeType) -> Source:
    # IPython keeps to what an earlier cell imported from `__future__`, so the text alone does not tell.
    return replace(source, flags=code.co_flags & FUTURE)


def _functions(filename: str) -> dict[str, list[Source]]:
    text = "".join(linecache.getlines(filename))
    known, functions = _files.get(filename, ("", {}))
    if known != text:
        functions = {}
        for qualname, source in functions_in(text, filename):
            functions.setdefault(qualname, []).append(source)
        _files[filename] = text, functions
    return functions


def keep_source(filename: str, text: str) -> None:
    """Makes a cell's text known under the name that code from an earlier kernel carries."""
    if filename not in linecache.cache:
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)


def texts_of(filenames: set[str]) -> dict[str, str]:
    """The texts of the cells among ``filenames``."""
    return {name: "".join(linecache.getlines(name)) for name in sorted(filenames) if linecache.getlines(name)}


def resolve(
    namespace: dict[str, Any], own: dict[str, Source], made: dict[str, ast.expr], callee: ast.expr, owner: str | None
) -> tuple[str, Source | None] | None:
    """The notebook's function that a callee names, or the framework's that is entered, as far as is known before it is
    called: (qualified name, source, None of a framework's).

    ``own``: the functions that the guarded cell defines itself; ``made``: what it calls to make its variables, so that
    the class of one that is not there yet may be known; ``owner``: the class in whose method the callee stands.
    """
    match callee:
        case ast.Name(name) if name in own:
            return name, own[name]
        case ast.Attribute(ast.Name("self" | "cls"), name) if f"{owner}.{name}" in own:
            return f"{owner}.{name}", own[f"{owner}.{name}"]
        case ast.Attribute(ast.Name(name), method) if name in made and name not in namespace:
            callee = ast.Attribute(made[name], method)
    found = _object(namespace, callee, owner)
    if isinstance(found, functools.partial):
        found = found.func
    found = getattr(found, "__func__", found)
    if not isinstance(found, types.FunctionType | type | types.BuiltinFunctionType) and callable(found):
        found = type(found).__call__
    found = inspect.unwrap(found) if isinstance(found, types.FunctionType) else found
    if not isinstance(found, types.FunctionType):
        return None
    if is_entered(found):
        return found.__qualname__, None
    if found.__globals__ is not namespace:
        return None
    source = find_source(found.__code__)
    return (found.__code__.co_qualname, source) if source else None


def _object(namespace: dict[str, Any], node: ast.expr, owner: str | None) -> Any:
    # Statically: to ask an object for an attribute may run code of the user's.
    match node:
        case ast.Name("self" | "cls") if owner:
            return namespace.get(owner)
        case ast.Name(name):
            return namespace.get(name)
        case ast.Attribute(value, name):
            return inspect.getattr_static(_object(namespace, value, owner), name, None)
    return None
