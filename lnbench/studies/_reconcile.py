"""What a store holds, against what a study asks for: cells of an older version of the study are never mixed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lnbench.errors import StudyError
from lnbench.studies._cell import Cell, Place, Role, place_of

if TYPE_CHECKING:
    from lnbench.studies._store import Store


def reconcile(store: Store, cells: Sequence[tuple[Role, Cell]], study: str, model: str) -> dict[str, dict[str, Any]]:
    """The finished cells whose role has another name in the study now, with the role that they shall have.

    Args:
        store: what is finished.
        cells: what the study asks for.
        study, model: their names, as a role records them.

    Raises:
        StudyError: for a place of the study's table the store holds another cell; says in what it differs.
    """
    wanted = {role.place: cell for role, cell in cells}
    roles = {cell.id: role.as_json(study, model) for role, cell in cells}
    relabelled: dict[str, dict[str, Any]] = {}
    for name, manifest in store.finished().items():
        if name in roles:
            relabelled |= {name: roles[name]} if manifest["role"] != roles[name] else {}
        elif (place := place_of(manifest)) in wanted:
            raise StudyError(_differs(store, place, manifest["cell"], wanted[place]))
    return relabelled


def _differs(store: Store, place: Place, held: Mapping[str, Any], cell: Cell) -> str:
    asked = cell.as_json()
    what = next((key for key in asked if held.get(key) != asked[key]), "its fields")
    condition, ablated, *_, task = place
    values = "" if what in ("output_key", "data") else f" ({held.get(what)!r}, and the study says {asked[what]!r})"
    named = {"output_key": "the model, the neurons or the operation", "data": "the documents or the prompts"}
    return (
        f"the store {str(store.folder)!r} holds another version of this study: {condition} {ablated or ''} on {task} "
        f"differs in {named.get(what, what)}{values}; give another folder with --out"
    ).replace("  ", " ")
