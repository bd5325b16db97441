"""Files to the hub: the repository made where it does not exist, a branch if one is named, and one commit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lnbench._hub._refusal import (
    BUSY,
    HubRefusal,
    endpoint,
    first_line,
    logging_in,
    no_repository,
    status_of,
    switched_off,
)

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*", re.ASCII)
_FILE = re.compile(r"[\w.+-]+(/[\w.+-]+)*")


@dataclass(frozen=True)
class Pushed:
    """Where the files went.

    Attributes:
        url: page of the repository.
        commit: hash of the commit; that of the last one when nothing had changed.
    """

    url: str
    commit: str


def check_push(repo: str, files: Mapping[str, bytes | Path], message: str) -> None:
    """Refuse, without asking the hub, what could only fail there.

    Raises:
        HubRefusal: a name cannot be, there is nothing to send or no message, the hub is switched off, or there is no
            token to write with.
    """
    from huggingface_hub import get_token

    check_names(repo, files)
    if not message.strip():
        raise HubRefusal("the message of the commit is empty: say what the files are")
    if switch := switched_off():
        raise HubRefusal(f"the hub is switched off by {switch}: unset it")
    if get_token() is None:
        raise HubRefusal(f"writing to the hub needs a token: {logging_in()}")


def check_names(repo: str, files: Collection[str]) -> None:
    """Refuse names that the hub has not.

    Raises:
        HubRefusal: the repository or a file cannot be called so, or there is no file.
    """
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo or repo.endswith((".git", ".", "-")):
        raise HubRefusal(f"{repo!r} is no name of a repository: write it as org/name")
    if not files:
        raise HubRefusal("there is nothing to send: name a file")
    for name in files:
        if not _FILE.fullmatch(name) or ".." in name.split("/"):
            raise HubRefusal(f"{name!r} cannot be a file there: use letters, digits, '.', '-' and '_'")


def push(
    repo: str,
    files: Mapping[str, bytes | Path],
    *,
    message: str,
    private: bool = False,
    revision: str | None = None,
) -> Pushed:
    """Send files to a model repository in one commit; it is made where it does not exist.

    Args:
        repo: ``org/name``.
        files: path in the repository -> contents, or a file on this machine.
        message: of the commit.
        private: only the owner, and whom the owner lets in, can see the repository.
        revision: a branch, made from the main one where it does not exist; None is the main one.

    Raises:
        HubRefusal: see :func:`check_push`; the hub does not answer or does not let the user write; or the repository
            is public and ``private`` was asked for.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_push(repo, files, message)
    api = HfApi(library_name="lnbench")
    with _refused(repo):
        _make(api, repo, private)
        if revision is not None and not revision.startswith("refs/"):
            api.create_branch(repo, branch=revision, exist_ok=True)
        added = [CommitOperationAdd(name, _source(data)) for name, data in files.items()]
        made = api.create_commit(repo, added, commit_message=message, revision=revision)
    return Pushed(f"{endpoint()}/{repo}", made.oid)


def read_text(repo: str, file: str, revision: str | None = None) -> str | None:
    """The text of a file of a repository as it is now; None where there is no such repository, branch or file.

    Raises:
        HubRefusal: the hub does not answer or does not let the user in.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    with _refused(repo):
        if not _is_there(repo):
            return None
        try:
            found = hf_hub_download(repo, file, revision=revision, cache_dir=constants.HF_HUB_CACHE)
        except RevisionNotFoundError:  # a new branch begins as the main one
            return read_text(repo, file) if revision else None
        except (EntryNotFoundError, RepositoryNotFoundError):
            return None
        return Path(found).read_text(encoding="utf-8", errors="replace")


def _is_there(repo: str) -> bool:
    """One question without retries, so that a hub that does not answer is known at once."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        HfApi().model_info(repo, timeout=5)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        return False
    return True


def _make(api: HfApi, repo: str, private: bool) -> None:
    if not _is_there(repo):
        api.create_repo(repo, private=private or None, exist_ok=True)
    elif private and not api.model_info(repo).private:
        raise HubRefusal(f"{repo} is there already and public, and private was asked for: choose another name")


def _source(data: bytes | Path) -> bytes | str:
    return str(data) if isinstance(data, Path) else data


@contextmanager
def _refused(repo: str) -> Iterator[None]:
    """Turn what the hub and its client raise into a :class:`HubRefusal`."""
    try:
        yield
    except HubRefusal:
        raise
    except ValueError as error:  # names and metadata that the hub does not take
        raise HubRefusal(f"{' '.join(str(error).split())}: correct it") from error
    except Exception as error:  # the hub and its HTTP client raise many kinds
        raise HubRefusal(_reason(error, repo)) from error


def _reason(error: Exception, repo: str) -> str:
    status = status_of(error)
    if status in (401, 403):
        return f"{endpoint()} does not let you write to {repo} ({_said(error)}): {logging_in()}"
    if reason := no_repository(error, repo):
        return reason
    if status is not None and status not in BUSY:
        return f"{endpoint()} refuses it ({_said(error)}): check repository and branch"
    why = first_line(error) if status is None else f"status {status}"
    return f"{endpoint()} does not answer ({why}): check the network and send it again"


def _said(error: Exception) -> str:
    """What the hub itself says, else the first line of the error."""
    said = getattr(error, "server_message", None)
    return " ".join(str(said).split()) if said else first_line(error)
