"""What an account can do with documents: found out by trying, and remembered in the project's cache.

What is remembered is where trying begins, and no more: whatever is refused is tried in another form, and after a month
it is found out anew. So a wrong memory costs a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from deployer import cache
from deployer.backends.base import AttachForm, without_password
from deployer.model import AccountSettings

_NAME = "capabilities"
_LASTS = timedelta(days=30)


@dataclass(slots=True)
class Capabilities:
    """`attach` is the form that an account takes, `attributes` whether it keeps them; None: not known yet.

    `how` says by what each was found out, `day` (YYYY-MM-DD) when.
    """

    attach: AttachForm | None = None
    attributes: bool | None = None
    how: dict[str, str] = field(default_factory=dict)
    day: str = ""
    folder: Path | None = None
    account: str = ""

    @property
    def form(self) -> AttachForm:
        """What to begin with."""
        return self.attach or AttachForm.BATCH

    def others(self, form: AttachForm) -> tuple[AttachForm, ...]:
        """Return what to try where a form is refused; what carries attributes first."""
        return tuple(one for one in AttachForm if one is not form)

    def learn_form(self, form: AttachForm, how: str) -> None:
        if form is not self.attach:
            self.attach = form
            self._keep("attach", how)
        if not form.carries_attributes:
            self.learn_attributes(how, kept=False)

    def learn_attributes(self, how: str, *, kept: bool) -> None:
        if kept is not self.attributes:
            self.attributes = kept
            self._keep("attributes", how)

    def forget(self) -> None:
        """Find everything out anew."""
        self.attach, self.attributes, self.how = None, None, {}
        self._save()

    def _keep(self, what: str, how: str) -> None:
        self.how[what], self.day = how, date.today().isoformat()  # noqa: DTZ011 (a day, to forget it in a month)
        self._save()

    def _save(self) -> None:
        found = {"attach": self.attach, "attributes": self.attributes, "how": self.how, "day": self.day}
        cache.save(self.folder, _NAME, {**cache.load(self.folder, _NAME), self.account: found})


def of_account(folder: Path | None, settings: AccountSettings) -> Capabilities:
    """Read what is remembered of an account; what makes no sense, or is a month old, counts for nothing."""
    name = f"{settings.api} {without_password(settings.base_url or '')}"
    found = cache.load(folder, _NAME).get(name)
    result = Capabilities(folder=folder, account=name)
    if isinstance(found, dict) and _is_young(found.get("day")):
        result.day = str(found["day"])
        result.attach = _form(found.get("attach"))
        result.attributes = found["attributes"] if isinstance(found.get("attributes"), bool) else None
        result.how = _texts(found.get("how"))
    return result


def _form(value: Any) -> AttachForm | None:
    return next((form for form in AttachForm if form == value), None)


def _texts(value: Any) -> dict[str, str]:
    found = value.items() if isinstance(value, Mapping) else ()
    return {str(name): text for name, text in found if isinstance(text, str)}


def _is_young(value: Any) -> bool:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return timedelta(0) <= date.today() - day <= _LASTS  # noqa: DTZ011 (likewise)
