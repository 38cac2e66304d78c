"""What is known of OpenAI's models: names, shutdowns with replacements, and settings that a model refuses; dated.

The table (`models.json`) speaks for OpenAI's own hosts alone. Another server is asked for its models, or nothing is
said. All of it is a warning: the table may be older than the service. A manifest overrides it (`models:`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

SOON = 90
"""Days before a shutdown from which it is told."""
UNKNOWN, SHUT_DOWN, SHUTTING_DOWN, SETTING = "model-unknown", "model-shut-down", "model-shutdown-soon", "model-setting"
RULES: Mapping[str, str] = MappingProxyType(
    {
        UNKNOWN: "The model is one that the service is known to have.",
        SHUT_DOWN: "The model is not shut down.",
        SHUTTING_DOWN: f"The model does not shut down within {SOON} days.",
        SETTING: "The model is not known to refuse a setting.",
    }
)
INSTRUCTIONS, DEVELOPER = "instructions", "developer"
"""Where instructions go that are to hold for a conversation: their own field, or a developer message that begins it."""
_HOST = "api.openai.com"
_FIELDS = {"strict": "tools", "functions": "tools"}  # where what is no field of its own is said


@dataclass(frozen=True, slots=True)
class ModelNote:
    """What is to be said of a model; `field` is the field of the assistant that it is about."""

    rule: str
    field: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of one model; `refuses` gives for a setting the values that it refuses, None for all of them.

    `instructions` says where those go in a request of the Responses API.
    """

    shutdown: date | None = None
    replacement: str = ""
    source: str = ""
    refuses: Mapping[str, tuple[Any, ...] | None] = field(default_factory=dict)
    refusal_source: str = ""
    instructions: str = INSTRUCTIONS

    def refused(self, setting: str, value: Any) -> bool:
        """Whether it refuses this value of a setting."""
        values = self.refuses.get(setting, ())
        return value is not None and (values is None or value in values)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that is known; `as_of` is the day of that knowledge. `families` are facts of models by globs of names."""

    as_of: str
    models: Mapping[str, ModelFacts]
    families: tuple[tuple[tuple[str, ...], ModelFacts], ...] = ()

    def facts(self, model: str) -> ModelFacts | None:
        """Return what is known of a model; of a fine-tuned one what is known of its base; None for an unknown one."""
        if model in self.models:
            return self.models[model]
        return self.models.get(model.split(":")[1]) if model.startswith("ft:") and model.count(":") > 1 else None

    def capable(self, model: str) -> ModelFacts:
        """Return what a model takes; of an unknown one what holds for its family."""
        found = (facts for globs, facts in self.families if any(fnmatchcase(model, glob) for glob in globs))
        return self.facts(model) or next(found, ModelFacts())

    def nearest(self, model: str) -> str | None:
        return next(iter(get_close_matches(model, self.models, n=1, cutoff=0.7)), None)

    def overridden(self, told: Mapping[str, Any]) -> Catalogue:
        """Return the catalogue with what a manifest says of models: `{NAME: {shutdown, takes: […]}}`."""
        models = dict(self.models)
        for name, facts in told.items():
            known, takes = models.get(name, self.capable(name)), facts.get("takes", ())
            models[name] = ModelFacts(
                _day(facts["shutdown"]) if "shutdown" in facts else known.shutdown,
                known.replacement,
                known.source,
                {one: values for one, values in known.refuses.items() if one not in takes},
                known.refusal_source,
                facts.get("instructions", known.instructions),
            )
        return Catalogue(self.as_of, models, self.families)


@cache
def catalogue() -> Catalogue:
    """Return what came with this version."""
    data = json.loads((Path(__file__).parent / "models.json").read_text(encoding="utf-8"))
    sources = {name: f"{one['where']}, {one['date']}" for name, one in data["sources"].items()}
    families = [(tuple(one["models"]), _family(one, sources)) for one in data["capabilities"]]
    return Catalogue(
        data["as_of"],
        {name: _facts(name, told, families, sources) for name, told in data["models"].items()},
        tuple(families),
    )


def _family(told: Mapping[str, Any], sources: Mapping[str, str]) -> ModelFacts:
    refuses = {name: None if values is None else tuple(values) for name, values in told["refuses"].items()}
    place = told.get("instructions", INSTRUCTIONS)
    return ModelFacts(refuses=refuses, refusal_source=sources[told["source"]], instructions=place)


def _facts(
    name: str,
    told: Mapping[str, Any],
    families: Iterable[tuple[Iterable[str], ModelFacts]],
    sources: Mapping[str, str],
) -> ModelFacts:
    fitting = (facts for globs, facts in families if any(fnmatchcase(name, glob) for glob in globs))
    return replace(
        next(fitting, ModelFacts()),
        shutdown=_day(told.get("shutdown")),
        replacement=told.get("replacement", ""),
        source=sources[told.get("source", "sdk")],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _told_day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None


def speaks_for(base_url: str | None) -> bool:
    """Whether the table is about the models of this server: OpenAI's own hosts, not the embedded account or others."""
    try:
        host = urlsplit(base_url or "").hostname or ""
    except ValueError:
        return False
    return host == _HOST or host.endswith(f".{_HOST}")


def notes(attrs: Mapping[str, Any], known: Catalogue, today: date, surface: str = "") -> tuple[ModelNote, ...]:
    """Return what is to be said of the model of an assistant, and of its settings on a surface."""
    model = attrs.get("model")
    if not isinstance(model, str) or not model:
        return ()
    facts = known.facts(model)
    if facts is None:
        return (_unknown(model, known),)
    return (*_ending(model, facts, known, today), *_settings(model, facts, _with_uses(attrs, surface)))


def _unknown(model: str, known: Catalogue) -> ModelNote:
    near = known.nearest(model)
    remedy = f"did you mean {near!r}?" if near else f"if it exists, say so at the account: models: {{{model}: {{}}}}"
    return ModelNote(UNKNOWN, "model", f"the model {model!r} is not known (as of {known.as_of})", remedy)


def _ending(model: str, facts: ModelFacts, known: Catalogue, today: date) -> Iterator[ModelNote]:
    if facts.shutdown is None or (facts.shutdown - today).days > SOON:
        return
    over = facts.shutdown <= today
    when = f"was shut down on {facts.shutdown}" if over else f"shuts down on {facts.shutdown}"
    remedy = f"its replacement is {facts.replacement!r}" if facts.replacement else "choose another one"
    message = f"the model {model!r} {when}"
    remedy += f" (as of {known.as_of}; {facts.source})" if facts.source else f" (as of {known.as_of})"
    yield ModelNote(SHUT_DOWN if over else SHUTTING_DOWN, "model", message, remedy)


def _with_uses(attrs: Mapping[str, Any], surface: str) -> Mapping[str, Any]:
    """Return the settings with what is no field of its own: strict schemas, and the surface of its functions."""
    tools = [one for one in attrs.get("tools") or () if isinstance(one, Mapping) and one.get("type") == "function"]
    form = attrs.get("response_format")
    inner = form.get("json_schema") if isinstance(form, Mapping) else None
    strict = [one for one in (*tools, inner or {}) if one.get("strict") is True]
    return {**attrs, "strict": True if strict else None, "functions": surface if tools else None}


def _settings(model: str, facts: ModelFacts, attrs: Mapping[str, Any]) -> Iterator[ModelNote]:
    for setting, refused in facts.refuses.items():
        value = attrs.get(setting)
        if value is None or (refused is not None and value not in refused):
            continue
        what = setting if refused is None else f"{setting}: {value}"
        what = f"functions on the {value} surface" if setting == "functions" else what
        message = f"the model {model!r} refuses {what} ({facts.refusal_source})"
        remedy = f"leave it out, or say at the account that it takes it: models: {{{model}: {{takes: [{setting}]}}}}"
        yield ModelNote(SETTING, _FIELDS.get(setting, setting), message, remedy)


def ending_within(attrs: Mapping[str, Any], known: Catalogue, today: date, days: int) -> date | None:
    """Return the day on which the model of an assistant shuts down or did, if that is within so many days."""
    facts = known.facts(str(attrs.get("model")))
    ends = facts.shutdown if facts else None
    return ends if ends is not None and (ends - today).days <= days else None


def offered(models: Mapping[str, str | None], today: date) -> Catalogue:
    """Return a catalogue of what a server says that it has: names, and days of shutdown where it says them."""
    facts = {name: ModelFacts(_told_day(day), source="asked of the account") for name, day in models.items()}
    return Catalogue(today.isoformat(), facts)
