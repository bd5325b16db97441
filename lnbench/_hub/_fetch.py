"""One file from the hub: at once from the cache where that is certain, else from the hub, else from the cache."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from lnbench._hub._refusal import BUSY, HubRefusal, endpoint, first_line, near, no_repository, status_of, switched_off

_log = logging.getLogger(__name__)
#: How long to wait for an answer, unless ``HF_HUB_ETAG_TIMEOUT`` says otherwise.
_SECONDS = 5
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Place:
    """A file of a repository at a revision.

    Attributes:
        repo: ``org/name``.
        file: its path in the repository.
        revision: a branch, tag or commit; None is the main branch.
        kind: ``model`` or ``dataset``, the hub's two kinds of repositories that hold files like ours.
    """

    repo: str
    file: str
    revision: str | None = None
    kind: str = "model"

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision or 'main'}"


def fetch(place: Place) -> Path:
    """The path of the file in the hub's cache on this machine.

    A commit that is in the cache is taken from there. For a branch or tag the hub is asked, once. When it does not
    answer, or does not let the user in any more, or ``HF_HUB_OFFLINE`` is set, what the cache has of that branch is
    taken, and a warning says of which commit it is.

    Raises:
        HubRefusal: there is no such repository, revision or file, or neither hub nor cache gives it.
    """
    if place.revision and _COMMIT.fullmatch(place.revision) and (cached := _cached(place)):
        return cached
    silent = _why_silent(place)
    if silent is None:
        return _downloaded(place)
    if (cached := _cached(place)) is None:
        raise HubRefusal(f"{silent.reason}, and the cache has no copy: {silent.remedy}")
    _log.warning("%s: taking %s of %s from the cache, commit %s", silent.reason, place.file, place, _commit(cached))
    return cached


@dataclass(frozen=True)
class _Silent:
    """Why the hub gives nothing just now, and what to do about it."""

    reason: str
    remedy: str


def _cached(place: Place) -> Path | None:
    from huggingface_hub import constants, try_to_load_from_cache

    found = try_to_load_from_cache(
        place.repo, place.file, cache_dir=constants.HF_HUB_CACHE, revision=place.revision, repo_type=place.kind
    )
    return Path(found) if isinstance(found, str) else None


def _commit(cached: Path) -> str:
    """The commit that a file of the cache, ``.../snapshots/COMMIT/FILE``, belongs to."""
    parts = cached.parts
    return parts[len(parts) - 1 - parts[::-1].index("snapshots") + 1][:12] if "snapshots" in parts else "unknown"


def _why_silent(place: Place) -> _Silent | None:
    """Ask the hub for the file, and say why it gives nothing just now; None when it does.

    Raises:
        HubRefusal: the hub knows no such revision or file.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HFValidationError

    if switch := switched_off():
        return _Silent(f"the hub is switched off by {switch}", "unset it, or give the path of the file")
    try:
        url = hf_hub_url(place.repo, place.file, repo_type=place.kind, revision=place.revision)
        answer = get_hf_file_metadata(url, timeout=_seconds())
    except (HFValidationError, ValueError) as error:
        raise HubRefusal(f"{first_line(error)}: correct the name") from error
    except Exception as error:  # the hub and its HTTP client raise many kinds
        return _no_answer(error, place)
    if answer.commit_hash is None:
        return _Silent(f"{endpoint()} does not answer as a hub does", "check HF_ENDPOINT and the proxy")
    return None


def _seconds() -> int:
    from huggingface_hub import constants

    asked = constants.HF_HUB_ETAG_TIMEOUT
    return _SECONDS if asked == constants.DEFAULT_ETAG_TIMEOUT else asked


def _no_answer(error: Exception, place: Place) -> _Silent:
    _refuse_missing(error, place)
    if reason := no_repository(error, place.repo):
        return _Silent(*reason.split(": ", 1))
    status = status_of(error)
    if status is not None and status not in BUSY:
        raise HubRefusal(f"{endpoint()} refuses it ({first_line(error)}): check the name") from error
    why = first_line(error) if status is None else f"status {status}"
    return _Silent(f"{endpoint()} does not answer ({why})", "check the network, or give the path of the file")


def _refuse_missing(error: Exception, place: Place) -> None:
    """Name what is near to a revision or file that a repository has not."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError):
        raise HubRefusal(
            f"{place.repo} has no revision {place.revision!r}"
            f"{near(place.revision or '', lambda: _revisions(place))}name a branch, tag or commit"
        ) from error
    if isinstance(error, EntryNotFoundError):
        there = near(
            place.file, lambda: HfApi().list_repo_files(place.repo, revision=place.revision, repo_type=place.kind)
        )
        raise HubRefusal(f"{place} has no file {place.file!r}{there}check the name") from error


def _revisions(place: Place) -> list[str]:
    from huggingface_hub import HfApi

    refs = HfApi().list_repo_refs(place.repo, repo_type=place.kind)
    return [ref.name for ref in (*refs.branches, *refs.tags)]


def _downloaded(place: Place) -> Path:
    from huggingface_hub import constants, hf_hub_download

    try:
        found = hf_hub_download(
            place.repo,
            place.file,
            revision=place.revision,
            repo_type=place.kind,
            cache_dir=constants.HF_HUB_CACHE,
            library_name="lnbench",
        )
    except Exception as error:  # the hub and its HTTP client raise many kinds, and the disk may be full
        raise HubRefusal(
            f"the download broke off ({first_line(error)}): try again, or download it elsewhere and give its path"
        ) from error
    return Path(found)
