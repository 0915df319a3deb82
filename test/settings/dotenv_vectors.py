"""Writes dotenv-vectors.json: what python-dotenv reads in texts, chosen and random. `pip install python-dotenv`, then run this."""

import io
import json
import os
import random
import re
from pathlib import Path

from dotenv.main import DotEnv
from dotenv.parser import parse_stream

CHOSEN = [
    "A=team#2\nB=ab#cd\n",
    "A=x # y\nB=x\t#y\nC= # y\nD=#y\nE= #y\n",
    "A=two words  \nB=' two '\nC=\"  two\t\"\nD=\"\"\nE=''\nF=\n",
    "export A=1\n  export   B = 2\nexport\tC=3 # x\nexport=4\n",
    "A=1\r\nB=\"2\"\r\n\r\n# c\r\nC='3'\r\n",
    "A=1\rB=2\r",
    "\ufeffA=1\n",
    "A=\"x\\ny\\t\\\"z\\\" \\\\ \\q\"\nB='x\\ny \\' \\\\'\nC=x\\ny\n",
    'A="one\ntwo # no\n\nthree" # yes\nB=4\n',
    "A='one\r\ntwo'\r\nB=4\r\n",
    "A=1\nA=2\nA=\n",
    "A=`x`\nB=`x # y`\nC=x`y\n",
    "A=it's\nB=say \"x\"\nC=x'y'z\n",
    "'A'=1\n'B C'=2\n",
    "A=1=2==\nB==\n",
    "hf_abcdefghijklmnop\n",
    "A=1\nexport B\nC=2\n",
    "A: 1\nB=2\n",
    'A="open\nB=2\n',
    "A='x'y\nB=2\n",
    'A="x" y\nB="x"#y\nC=\'x\' #y\n',
    "=1\nA=2\n",
    "A B=1\nC=2\n",
    "\n\n  \n# only\n   # comments",
    "A=1",
    "A",
    "A=pa$$word\nB=$A\nC=a$b{c}\n",
    "A=${FROM_ENV}/x\nB=\"${A}:${A}\"\nC=${NOWHERE:-that}\nD=${A:-that}\nE=${FROM_ENV:-}y\n",
    "FROM_ENV=file\nA=${FROM_ENV}\n",
    "Ä=ö\nB=日本 #語\nC=é#è\n",
    "A=x\u00a0#y\n\u00a0B=\u00a0z\u00a0\n",
]
PIECES = ["A", "B", "=", "=", "=", " ", "\t", "#", "'", '"', "`", "\\", "\n", "\n", "\r\n", "x", "export ", "é", "$", ":", "\\n", "y z"]
# White space to one of Python and JavaScript and not to the other, or to neither of those who write files.
PIECES += ["\x0b", "\x1f", "\x85", "\u3000", "\ufeff"]


def read(text: str) -> dict[str, object]:
    """Lines that are wrong, or every value, `${…}` replaced as `load_dotenv` does."""
    wrong = []
    at = len(text) - len(text.removeprefix("\ufeff"))
    for binding in parse_stream(io.StringIO(text, newline="")):
        whole = binding.original.string
        begins = at + len(whole) - len(whole.lstrip())
        at += len(whole)
        nameless = whole.lstrip().startswith("export") and binding.key is None
        if binding.error or nameless or (binding.key is not None and binding.value is None):
            # python-dotenv's own count takes the end of a wrong line for two where it is CR LF.
            wrong.append(len(re.split(r"\r\n|\r|\n", text[:begins])))
    if wrong:
        return {"text": text, "wrong": wrong}
    values = DotEnv(None, stream=io.StringIO(text, newline=""), override=False).dict()
    return {"text": text, "values": list(values.items())}


def main() -> None:
    os.environ.clear()
    os.environ["FROM_ENV"] = "outside"
    rng = random.Random(13)
    texts = [*CHOSEN, *("".join(rng.choices(PIECES, k=rng.randint(3, 14))) for _ in range(1500))]
    body = ",\n".join(json.dumps(read(text), ensure_ascii=True) for text in dict.fromkeys(texts) if "\x1c" not in text)
    Path(__file__).with_name("dotenv-vectors.json").write_text(f"[\n{body}\n]\n")


if __name__ == "__main__":
    main()
