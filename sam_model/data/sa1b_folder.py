"""A folder of SA-1B: pictures, and beside each a JSON of the same name with its masks."""

from __future__ import annotations

from collections import Counter
from os import PathLike
from pathlib import Path

from sam_model.data.coco import MISSING
from sam_model.data.dataset import AnnotatedPicture, require_pictures
from sam_model.data.sa1b import read_record
from sam_model.errors import DatasetError, RecordError

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


class Sa1bFolder:
    """The pictures of a folder and of those in it, in the order of their names; a JSON is read when it is asked for."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        """Look which pictures and records there are.

        Raises:
            DatasetError: when there is no such folder, or no picture with a record in it.
        """
        root = Path(folder)
        if not root.is_dir():
            raise DatasetError(f"{root}: no such folder")
        files = sorted(root.rglob("*"))
        pictures = {file.with_suffix(""): file for file in files if file.suffix.lower() in PICTURES}
        records = [file for file in files if file.suffix == ".json"]
        self._pairs = [
            (pictures[record.with_suffix("")], record) for record in records if record.with_suffix("") in pictures
        ]
        self.left_out = Counter({MISSING: missing} if (missing := len(records) - len(self._pairs)) else {})
        require_pictures(self._pairs, root, self.left_out)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int, /) -> AnnotatedPicture:
        """Read one record; it may have no masks.

        Raises:
            DatasetError: when it cannot be read.
        """
        path, source = self._pairs[index]
        try:
            record = read_record(source)
        except RecordError as error:
            raise DatasetError(str(error)) from error
        size = record.image.height, record.image.width
        return AnnotatedPicture(path, size, tuple(mask.segmentation for mask in record.annotations))
