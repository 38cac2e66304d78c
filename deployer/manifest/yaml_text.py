"""Write data as YAML that means the same to readers of YAML 1.1 and 1.2."""

from __future__ import annotations

from typing import Any

import yaml

from deployer.manifest.yaml12 import scalar

_BREAKS = frozenset("\r\x85\u2028\u2029")


class _Block(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Anchors are for machines."""
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        """Indent the items of a list below their key, as people do."""
        del indentless
        super().increase_indent(flow, False)  # noqa: FBT003


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _is_text(text) else "'"
    if "\n" in text:
        style = "|"
    if not _BREAKS.isdisjoint(text):  # line breaks for YAML 1.1, ordinary characters for 1.2
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def _is_text(text: str) -> bool:
    """PyYAML quotes what YAML 1.1 would misread, but YAML 1.2 reads `0o17` as a number."""
    try:
        return text != "" and scalar(text) == text
    except ValueError:
        return False


_Block.add_representer(str, _string)


def yaml_text(data: Any) -> str:
    """Give block style in the order of the data; long texts over several lines."""
    return yaml.dump(data, Dumper=_Block, allow_unicode=True, sort_keys=False, width=110)
