"""One live object: what of it is to be declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deployer.engine import stamp
from deployer.engine.adopt import canonical
from deployer.engine.canonical import same
from deployer.kinds import Kind
from deployer.model import Address, Attrs, LiveFile, LiveObject

MODEL = "model"
FILES = "files"


@dataclass(frozen=True, slots=True)
class Document:
    """A document of an account and the path that it gets."""

    file: LiveFile
    path: str


@dataclass(frozen=True, slots=True)
class Item:
    """What is written of one object; `mark` is the stamp of one that is ours, `remarks` stand beside it as comments.

    `glob`: its documents are all that its folder will hold.
    """

    address: Address
    live: LiveObject
    attrs: Attrs
    mark: stamp.Stamp | None = None
    documents: tuple[Document, ...] = ()
    remarks: tuple[str, ...] = ()
    glob: bool = False

    @property
    def folder(self) -> str:
        return f"{'knowledge' if self.live.kind == 'vector_store' else 'data'}/{self.address.name}"

    def without(self, field: str, why: str) -> Item | None:
        """Leave a field undeclared, which leaves it alone; None when that cannot be, so that all must stay unsaid.

        What an object of ours no longer declares would go back to the API's default.
        """
        if field == FILES:
            ours = any(document.file.sha256 for document in self.documents)
            smaller = replace(self, documents=())
        else:
            applied = self.mark.digests if self.mark else {}
            ours = any(stamp.name_of(path) in applied for path in stamp.fields({field: self.attrs.get(field)}))
            smaller = replace(self, attrs={name: value for name, value in self.attrs.items() if name != field})
        there = self.documents if field == FILES else field in self.attrs
        if field == MODEL or not there or (self.mark and ours):
            return None
        return smaller.saying(f"{field} stays as it is on the account, undeclared: {why}")

    def saying(self, remark: str) -> Item:
        return replace(self, remarks=(*self.remarks, remark))


def item(kind: Kind, address: Address, live: LiveObject, ids: Mapping[str, str], mark: stamp.Stamp | None) -> Item:
    """Declare what is not at the API's default, and of ours what was declared before."""
    found = canonical(kind, live, ids)
    applied = mark.digests if mark else {}
    attrs = {
        name: value
        for name, value in found.items()
        if value is not None
        and (stamp.name_of(name) in applied or not same(value, {} if name == "metadata" else kind.DEFAULTS.get(name)))
    }
    return Item(address, live, attrs, mark)
