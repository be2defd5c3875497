"""What an operation works on: one open index with its encoder, retriever and answerer.

Each part is made when it is first needed, once, whichever thread needs it: `show` never loads a
model, and forty requests at the same moment load one.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from lca_rag.errors import IndexStateError, QueryError, ReadError

if TYPE_CHECKING:
    from lca_rag.answer import Answerer, Policy
    from lca_rag.encoders import Encoder
    from lca_rag.index import Index, Snapshot
    from lca_rag.matching import Matcher
    from lca_rag.retriever import Retriever
    from lca_rag.rewriting import Rewriting

_MODEL_FILE = "model.json"
_FIRST = "How many kWh of electricity does 5 kg of stainles stel need in Germany?"
"""A question that needs every table: units, places, the lexicon, and near spellings."""
_KEPT = 8
"""Things made from a whole index that are kept for the next question."""

Made = TypeVar("Made")


@dataclass(slots=True)
class _Slot:
    """Something that is made once."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    made: bool = False
    value: object = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may see."""

    name: str = "local"
    databases: frozenset[str] | None = None
    """Databases that exist for this caller; every one if `None`."""

    def sees(self, database: str) -> bool:
        """Whether this database exists for the caller."""
        return self.databases is None or database in self.databases


LOCAL = Caller()
"""Whoever runs the command line on their own index: every right."""


class Workspace:
    """An index and what is needed to search it and to answer from it; safe to share by threads."""

    def __init__(
        self,
        location: str | Path,
        *,
        model: str | None = None,
        query_prompt: str | None = None,
        llm: str | None = None,
        policy: str | Path | None = None,
        audit: str | Path | None = None,
        memory: str | Path | None = None,
    ) -> None:
        """Keep what to open.

        Args:
            location: Index directory, or URL of a Chroma server's collection.
            model: Encoder of questions; by default the one that `remember_model` noted, else what
                `load_encoder` takes by default.
            query_prompt: Put before each question instead of the model's own prompt.
            llm: `BASE_URL/MODEL` of a language model that words answers; without one they are
                put together from the records.
            policy: JSON file that says which databases are open, internal or restricted.
            audit: File that notes what was sent to a language model elsewhere.
            memory: CSV file of matches that a person confirmed.
        """
        self.location = str(location)
        self.model = model
        self.query_prompt = query_prompt
        self.llm = llm
        self._policy_file = policy
        self._audit_file = audit
        self._memory_file = memory
        self._lock = threading.RLock()
        self._kept: dict[Hashable, _Slot] = {}
        self._kept_of = 0
        self._kept_lock = threading.Lock()
        self._indexes: list[Index] = []
        self._encoder: Encoder | None = None
        self._retriever: Retriever | None = None
        self._answerer: Answerer | None = None
        self._matcher: Matcher | None = None
        self._wrap: Callable[[Encoder], Encoder] = lambda encoder: encoder

    @classmethod
    def of(cls, index: Index, *, policy: str | Path | None = None) -> Self:
        """A workspace over an index that is open already, with the encoder it was opened with."""
        workspace = cls(index.folder, policy=policy)
        workspace._cover(index)
        workspace._indexes.append(index)
        workspace._encoder = index.encoder
        return workspace

    def __enter__(self) -> Self:
        """The workspace itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def wrap_encoder(self, wrap: Callable[[Encoder], Encoder]) -> None:
        """Put something around the encoder before it is first used, such as batching."""
        self._wrap = wrap

    @property
    def index(self) -> Index:
        """The index, opened without an encoder if none was needed so far."""
        with self._lock:
            if not self._indexes:
                self._indexes.append(self._open(None))
            return self._indexes[-1]

    @property
    def encoder(self) -> Encoder:
        """The encoder of questions.

        Raises:
            EncoderError: If it cannot be loaded.
        """
        with self._lock:
            if self._encoder is None:
                from lca_rag.encoders import load_encoder

                noted = recall_model(self.index.folder)
                spec = self.model or noted.get("model")
                prompt = self.query_prompt
                if prompt is None and spec == noted.get("model"):
                    prompt = noted.get("query_prompt")
                self._encoder = load_encoder(spec, query_prompt=prompt)
            return self._encoder

    @property
    def retriever(self) -> Retriever:
        """The retriever over the index and its encoder."""
        with self._lock:
            if self._retriever is None:
                from lca_rag.retriever import Retriever

                # The handle without an encoder stays open: another thread may be reading from it.
                self._indexes.append(self._open(self._wrap(self.encoder)))
                self._retriever = Retriever(self._indexes[-1])
            return self._retriever

    @property
    def answerer(self) -> Answerer:
        """The answerer over the retriever."""
        with self._lock:
            if self._answerer is None:
                from lca_rag.answer import Answerer, AuditLog
                from lca_rag.answer.thresholds import Thresholds

                audit = AuditLog(Path(self._audit_file)) if self._audit_file else None
                self._answerer = Answerer(
                    self.retriever,
                    self.llm,
                    policy=self.policy,
                    audit=audit,
                    enough=Thresholds.of_index(self.index.folder),
                )
            return self._answerer

    @property
    def matcher(self) -> Matcher:
        """The matcher of bills of materials over the retriever.

        Raises:
            ReadError: If the memory of matches is not there, or lacks a column.
        """
        with self._lock:
            if self._matcher is None:
                from lca_rag.matching import Matcher, Memory

                file = Path(self._memory_file) if self._memory_file else None
                if file is not None and not file.is_file():  # nothing here would ever write it
                    raise ReadError(
                        f"{file}: there is no such memory of matches; name a CSV file with the "
                        "header description,unit,place,record, or leave --memory out",
                        path=str(file),
                    )
                memory = Memory.load(file) if file else None
                self._matcher = Matcher(self.retriever, memory=memory)
            return self._matcher

    def rewritten(self, question: str) -> Rewriting:
        """A question in the words of inventories, by the language model.

        Raises:
            QueryError: If there is no language model.
            AnswerError: If it does not answer in form.
        """
        from lca_rag.answer.llm import load_llm
        from lca_rag.rewriting import rewrite

        if self.llm is None:
            raise QueryError("rewriting needs a language model; name one with --llm")
        return rewrite(question, load_llm(self.llm))

    @cached_property
    def policy(self) -> Policy:
        """What may be shown of which database.

        Raises:
            AccessError: If the policy file cannot be understood.
        """
        from lca_rag.answer import Policy

        return Policy.load(Path(self._policy_file)) if self._policy_file else Policy()

    def restricted(self, database: str) -> bool:
        """Whether only the allowed fields of a database are shown."""
        rule = self.policy.rules.get(database)
        return rule is not None and rule.level == "restricted"

    def kept(self, key: Hashable, snapshot: Snapshot, make: Callable[[], Made]) -> Made:
        """What `make` gives of one state of the index, made once for each key; a few are kept.

        `key` must say everything that the thing depends on, the rights of the caller included;
        and `make` may look at `snapshot` alone, for a newer state may be there by then. Of an older
        state nothing is kept: only requests that began before the change ask for it.
        """
        current = self.index.snapshot().generation
        with self._kept_lock:
            if current > self._kept_of:
                self._kept.clear()
                self._kept_of = current
            if snapshot.generation == self._kept_of:
                slot = self._kept.pop(key, None) or _Slot()
                self._kept[key] = slot  # last in the order: what is asked again is kept longest
                while len(self._kept) > _KEPT:
                    del self._kept[next(iter(self._kept))]
            else:
                slot = _Slot()
        with slot.lock:  # whoever wants the same thing waits for it, nobody else does
            if not slot.made:
                slot.value = make()
                slot.made = True
            return cast("Made", slot.value)

    def warm(self) -> None:
        """Load everything that the first question would wait for; no language model is asked."""
        from lca_rag.question import understand

        understand(_FIRST)
        self.retriever.search(_FIRST, k=1)
        self.answerer.look(_FIRST)

    def close(self) -> None:
        """Close whatever was opened; what is asked afterwards opens it again."""
        with self._lock:
            for index in self._indexes:
                index.close()
            self._indexes.clear()
            with self._kept_lock:
                self._kept.clear()
                self._kept_of = 0
            self._retriever = self._answerer = self._matcher = None

    def _open(self, encoder: Encoder | None) -> Index:
        from lca_rag.index import Index

        index = Index.open(self.location, encoder=encoder, create=False)
        self._cover(index)
        return index

    def _cover(self, index: Index) -> None:
        """Let no part of a record out of the index that the policy does not allow.

        It is done here, below every operation, so that one which forgets the policy leaks nothing.
        """
        if self._policy_file is not None:
            index.put_veil(self.policy)


def remember_model(
    folder: Path, model: str | None, query_prompt: str | None, encoder: Encoder | None = None
) -> None:
    """Note beside an index which encoder made it, so that searching needs no `--model`.

    Args:
        folder: Of the index.
        model: As `load_encoder` takes it.
        query_prompt: Put before each question, or `None` for the model's own.
        encoder: The encoder itself; of a local one it is noted what `recall_encoder` needs.

    Raises:
        IndexStateError: If the note cannot be written.
    """
    from lca_rag.encoders import SentenceEncoder

    spec = str(Path(model).resolve()) if model and Path(model).is_dir() else model
    noted: dict[str, object] = {"model": spec, "query_prompt": query_prompt}
    if isinstance(encoder, SentenceEncoder):
        noted["known"] = encoder.note()
    part = folder / f".{os.getpid()}-{_MODEL_FILE}"  # whole or not at all, beside other writers
    try:
        part.write_text(json.dumps(noted, ensure_ascii=False) + "\n", "utf-8")
        part.replace(folder / _MODEL_FILE)
    except OSError as exc:
        with suppress(OSError):
            part.unlink()
        raise IndexStateError(f"{folder}: this index cannot be written ({exc})") from exc


def recall_model(folder: Path) -> dict[str, str | None]:
    """The model and query prompt that `remember_model` noted, or nothing.

    Raises:
        IndexStateError: If the note is damaged.
    """
    noted = _note(folder)
    return {name: noted[name] for name in ("model", "query_prompt") if name in noted}


def recall_encoder(folder: Path, model: str, query_prompt: str | None) -> Encoder | None:
    """The encoder of an index without its model in memory, where nothing of the model changed.

    Raises:
        IndexStateError: If the note is damaged.
        EncoderError: If the model cannot be found or used.
    """
    from lca_rag.encoders import recalled_encoder

    known = _note(folder).get("known")
    return recalled_encoder(model, known, query_prompt=query_prompt) if known else None


def _note(folder: Path) -> dict[str, Any]:
    """What `remember_model` wrote."""
    path = folder / _MODEL_FILE
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as exc:
        raise IndexStateError(f"{path}: not a JSON object; delete it and give --model") from exc
