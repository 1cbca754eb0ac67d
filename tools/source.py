# SPDX-License-Identifier: Apache-2.0
"""What the checkers know about C sources: which there are, and what of them is code."""
import fnmatch
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tracked(*patterns):
    """Files of the tree, build directories apart, by patterns such as '*.c' or 'src/core/*.h'."""
    names = []
    for at, dirs, files in os.walk(ROOT):
        dirs[:] = sorted(d for d in dirs if d not in (".git", ".cache", "__pycache__")
                         and not (at == ROOT and d.startswith("build")))
        below = os.path.relpath(at, ROOT)
        names += [f if below == "." else f"{below}/{f}" for f in files]
    return sorted(n for n in names if any(fnmatch.fnmatch(n, p) for p in patterns))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def without_comments(text):
    """The text with comments blanked and strings kept; lines stay where they are."""
    out = []
    i, n = 0, len(text)
    while i < n:
        c = text[i]
        if text.startswith("/*", i):
            end = text.find("*/", i + 2)
            end = n if end < 0 else end + 2
            out.append("".join(ch if ch == "\n" else " " for ch in text[i:end]))
            i = end
        elif text.startswith("//", i):
            end = text.find("\n", i)
            i = n if end < 0 else end
        elif c in "\"'":
            j = i + 1
            while j < n and text[j] != c:
                j += 2 if text[j] == "\\" else 1
            out.append(text[i:j + 1])
            i = j + 1
        else:
            out.append(c)
            i += 1
    return "".join(out)


def code_lines(text):
    """Lines that hold code: no blanks, no comments."""
    return sum(1 for line in without_comments(text).split("\n") if line.strip())
