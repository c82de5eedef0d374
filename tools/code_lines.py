"""Count lines of code, without docstrings, comments and blank lines: ``python tools/code_lines.py helm_tutorial``."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

SCOPES = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """How many lines of ``source`` hold code; a string that stands alone as a statement counts as a docstring."""
    words: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        for statement in node.body if isinstance(node, SCOPES) else ():
            if isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str):
                words.update(range(statement.lineno, statement.end_lineno + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - words)


def main(folders: list[str]) -> None:
    """Print the count of every file, and of each folder."""
    for folder in folders:
        counts = {path: code_lines(path.read_text(encoding="utf-8")) for path in sorted(Path(folder).rglob("*.py"))}
        for path, count in counts.items():
            print(f"{count:6} {path}")
        print(f"{sum(counts.values()):6} {folder}")


if __name__ == "__main__":
    main(sys.argv[1:])
