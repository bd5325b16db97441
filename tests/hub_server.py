"""A hub on 127.0.0.1 that speaks what `huggingface_hub` asks of the real one: files, listings, repositories, commits.

Repositories live in memory; `HubServer.add` puts files in, `files` takes them out. A test process may reach it with the
fixture `loopback` of `tests/conftest.py`; a subprocess with the variables of `HubServer.environment`.

Not here: Xet storage (set ``HF_HUB_DISABLE_XET=1``, as `environment` does), pull requests, the redirect to a CDN.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import yaml

#: Larger files, and those with these suffixes, go through the large-file storage.
LARGE = 10_000_000
LARGE_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")
_REPO = r"(?P<repo>[^/]+/[^/]+)"


@dataclass
class Commit:
    """A state of a repository."""

    sha: str
    files: Mapping[str, bytes]
    message: str = ""
    description: str = ""


@dataclass
class Repo:
    """A repository: commits, and branches and tags that point at them."""

    private: bool = False
    gated: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit | None:
        """The commit of a branch, tag or commit hash."""
        return self.commits.get(self.refs.get(revision, revision))

    def commit(self, branch: str, files: Mapping[str, bytes], message: str = "", description: str = "") -> Commit:
        """Put files (None: delete) on top of a branch, which need not exist."""
        before = self.at(branch)
        after = {**(before.files if before else {}), **files}
        kept = {name: data for name, data in after.items() if data is not None}
        told = json.dumps([len(self.commits), branch, message, sorted(kept)])
        sha = hashlib.sha1(told.encode()).hexdigest()
        self.commits[sha] = Commit(sha, kept, message, description)
        self.refs[branch] = sha
        return self.commits[sha]


class _Answer(Exception):
    """What to answer instead of 200."""

    def __init__(self, status, code="", text="", **headers):
        self.status, self.code, self.text, self.headers = status, code, text, headers


class HubServer:
    """Use as a context manager: ``with HubServer() as hub: hub.add("org/sets", {"zh.pt": data})``.

    Attributes:
        repos: name to `Repo`.
        requests: (method, path) of every request, in order.
        token: where set, what a client must send to write, and to read what is private or gated.
        trouble: where set, the status that everything is answered with (503 ...), or "silent": nothing is answered.
        seconds: how long a silent server waits.
    """

    def __init__(self, token=None):
        self.repos: dict[str, Repo] = {}
        self.stored: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.token, self.trouble, self.seconds = token, None, 30.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._stopped = threading.Event()

    @property
    def endpoint(self) -> str:
        """What goes into ``HF_ENDPOINT``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, home, token=None) -> dict[str, str]:
        """Variables that make a subprocess use this hub, with its cache below the folder `home`."""
        set_ = {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        return {**set_, "HF_HUB_DISABLE_UPDATE_CHECK": "1", **({"HF_TOKEN": token} if token else {})}

    def add(self, repo, files, revision="main", *, private=False, gated=False) -> str:
        """Commit files to a branch of a repository, made where it does not exist; gives the commit hash."""
        there = self.repos.setdefault(repo, Repo(private, gated))
        return there.commit(revision, {name: _bytes(data) for name, data in files.items()}).sha

    def files(self, repo, revision="main") -> dict[str, bytes]:
        """The files of a repository."""
        return dict(self.repos[repo].at(revision).files)

    def paths(self, method="GET") -> list[str]:
        """What was asked for with a method."""
        return [path for asked, path in self.requests if asked == method]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def silence(self):
        """Wait without an answer."""
        self._stopped.wait(self.seconds)


def _bytes(data) -> bytes:
    return data.encode() if isinstance(data, str) else data.read_bytes() if hasattr(data, "read_bytes") else data


def oid(data: bytes) -> str:
    """What git calls a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _is_large(path: str, size: int) -> bool:
    return size > LARGE or path.endswith(LARGE_SUFFIXES)


def etag(path: str, data: bytes) -> str:
    """What the hub names a version of a file by."""
    return hashlib.sha256(data).hexdigest() if _is_large(path, len(data)) else oid(data)


#: Method, pattern of the (still quoted) path, name of the method of `_Api`.
_ROUTES = [
    ("GET", rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", "resolve"),
    ("GET", rf"/api/models/{_REPO}", "info"),
    ("GET", rf"/api/models/{_REPO}/revision/(?P<revision>[^/]+)", "info"),
    ("GET", rf"/api/models/{_REPO}/tree/(?P<revision>[^/]+)(/(?P<folder>.+))?", "tree"),
    ("GET", rf"/api/models/{_REPO}/refs", "refs"),
    ("POST", rf"/api/models/{_REPO}/paths-info/(?P<revision>[^/]+)", "paths_info"),
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("POST", rf"/api/models/{_REPO}/branch/(?P<branch>[^/]+)", "branch"),
    ("POST", rf"/api/models/{_REPO}/preupload/(?P<revision>[^/]+)", "preupload"),
    ("POST", rf"/{_REPO}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/lfs/(?P<sha>[0-9a-f]{64})", "store"),
    ("POST", rf"/api/models/{_REPO}/commit/(?P<revision>[^/]+)", "commit"),
]


class _Api:
    """One request: each route gives plain JSON, or bytes with their headers."""

    def __init__(self, hub, token, body):
        self._hub, self._token, self._body = hub, token, body

    # --- reading

    def _repo(self, name) -> Repo:
        repo = self._hub.repos.get(name)
        if repo is None or (repo.private and not self._known()):
            # the real hub does not tell a stranger whether there is such a repository
            raise _Answer(404 if self._token else 401, "RepoNotFound", "Repository not found")
        return repo

    def _readable(self, name) -> Repo:
        repo = self._repo(name)
        if repo.gated and not self._known():
            raise _Answer(403 if self._token else 401, "GatedRepo", f"Access to model {name} is restricted.")
        return repo

    def _known(self) -> bool:
        return self._hub.token is None or self._token == self._hub.token

    def _commit(self, repo, revision) -> Commit:
        found = repo.at(revision)
        if found is None:
            raise _Answer(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def resolve(self, repo, revision, file):
        commit = self._commit(self._readable(repo), revision)
        told = {"X-Repo-Commit": commit.sha}
        if file not in commit.files:
            raise _Answer(404, "EntryNotFound", "Entry not found", **told)
        data = commit.files[file]
        return data, {**told, "ETag": f'"{etag(file, data)}"', "Accept-Ranges": "bytes"}

    def info(self, repo, revision="main"):
        there = self._repo(repo)
        commit = self._commit(there, revision)
        siblings = [{"rfilename": name} for name in sorted(commit.files)]
        return {"id": repo, "modelId": repo, "sha": commit.sha, "private": there.private, "siblings": siblings}

    def tree(self, repo, revision, folder=None):
        files = self._commit(self._repo(repo), revision).files
        return [self._entry(name, files[name]) for name in sorted(files) if not folder or name.startswith(f"{folder}/")]

    def _entry(self, name, data):
        large = {"oid": etag(name, data), "size": len(data), "pointerSize": 134}
        told = {"type": "file", "oid": oid(data), "size": len(data), "path": name}
        return {**told, "lfs": large} if _is_large(name, len(data)) else told

    def paths_info(self, repo, revision):
        files = self._commit(self._repo(repo), revision).files
        return [self._entry(name, files[name]) for name in self._body_json()["paths"] if name in files]

    def refs(self, repo):
        refs = self._repo(repo).refs
        branches = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": sha} for n, sha in refs.items()]
        return {"branches": branches, "tags": [], "converts": []}

    def whoami(self):
        if not self._token or not self._known():
            raise _Answer(401, "", "Invalid user token.")
        return {"type": "user", "name": "org", "orgs": []}

    # --- writing

    def _body_json(self):
        return json.loads(self._body)

    def _writer(self):
        if not self._token:
            raise _Answer(401, "", "Invalid username or password.")
        if not self._known():
            raise _Answer(403, "", "Forbidden: your token may not write here")

    def create(self):
        self._writer()
        asked = self._body_json()
        name = f"{asked.get('organization') or 'org'}/{asked['name']}"
        made = {"url": f"{self._hub.endpoint}/{name}", "name": name, "id": name}
        if name in self._hub.repos:
            raise _Answer(409, "", json.dumps({"error": "You already created this model repo", **made}))
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self._hub.repos[name] = Repo(private)
        self._hub.repos[name].commit("main", {".gitattributes": b""}, "initial commit")
        return made

    def branch(self, repo, branch):
        self._writer()
        there = self._repo(repo)
        if branch in there.refs:
            raise _Answer(409, "", f"Reference already exists: refs/heads/{branch}")
        there.refs[branch] = self._commit(there, self._body_json().get("startingPoint", "main")).sha
        return {}

    def validate(self):
        errors = [{"message": message} for message in metadata_errors(self._body_json()["content"])]
        if errors:
            raise _Answer(400, "", json.dumps({"errors": errors, "warnings": []}))
        return {"errors": [], "warnings": []}

    def preupload(self, repo, revision):
        self._writer()
        files = self._commit(self._repo(repo), revision).files
        return {"files": [self._upload_mode(asked, files) for asked in self._body_json()["files"]]}

    def _upload_mode(self, asked, files):
        path, mode = asked["path"], "lfs" if _is_large(asked["path"], asked["size"]) else "regular"
        there = {"oid": etag(path, files[path])} if path in files else {}
        return {"path": path, "uploadMode": mode, "shouldIgnore": False, **there}

    def batch(self, repo):
        self._writer()
        self._repo(repo)
        return {"transfer": "basic", "objects": [self._object(asked) for asked in self._body_json()["objects"]]}

    def _object(self, asked):
        if asked["oid"] in self._hub.stored:
            return asked
        return {**asked, "actions": {"upload": {"href": f"{self._hub.endpoint}/lfs/{asked['oid']}", "header": {}}}}

    def store(self, sha):
        if hashlib.sha256(self._body).hexdigest() != sha:
            raise _Answer(400, "", "the content has another hash")
        self._hub.stored[sha] = self._body
        return {}

    def commit(self, repo, revision):
        self._writer()
        there = self._repo(repo)
        self._commit(there, revision)
        header, files = {}, {}
        for line in map(json.loads, self._body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                header = value
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self._hub.stored[value["oid"]]
            elif line["key"] == "deletedFile":
                files[value["path"]] = None
        made = there.commit(revision, files, header.get("summary", ""), header.get("description", ""))
        url = f"{self._hub.endpoint}/{repo}/commit/{made.sha}"
        return {"success": True, "commitUrl": url, "commitOid": made.sha, "pullRequestUrl": None, "hookOutput": ""}


def metadata_errors(card: str) -> list[str]:
    """What the hub would refuse in the front matter of a model card (the fields that this project writes)."""
    match = re.match(r"---\n(.*?)\n---(\n|$)", card, re.DOTALL)
    if match is None:
        return []
    try:
        data = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        return [f"bad YAML: {error}"]
    if not isinstance(data, dict):
        return ["the metadata is no mapping"]
    errors = [f"{key!r} must be text" for key in ("library_name", "license") if not isinstance(data.get(key, ""), str)]
    for key in ("tags", "base_model", "language"):
        values = data.get(key, [])
        values = [values] if isinstance(values, str) and key != "tags" else values
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            errors.append(f"{key!r} must be a list of texts")
        elif key == "base_model" and any(not re.fullmatch(r"[\w.-]+/[\w.-]+|[\w.-]+", value) for value in values):
            errors.append('"base_model" must be ids of models on the hub')
    return errors


def _handler(hub):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer("GET")

        do_HEAD = do_GET

        def do_POST(self):
            self._answer("POST")

        def do_PUT(self):
            self._answer("PUT")

        def log_message(self, *_):
            pass

        def _answer(self, method):
            path = urlsplit(self.path).path
            body = self._read()
            hub.requests.append((self.command, unquote(path)))
            try:
                if hub.trouble == "silent":
                    hub.silence()
                    return
                if hub.trouble is not None:
                    raise _Answer(hub.trouble, "", "out of order")
                self._send(200, *self._found(method, path, body))
            except _Answer as answer:
                code = {"X-Error-Code": answer.code} if answer.code else {}
                message = {} if answer.text.startswith("{") else {"X-Error-Message": answer.text}
                text = answer.text if answer.text.startswith("{") else json.dumps({"error": answer.text})
                self._send(answer.status, text.encode(), {**code, **message, **answer.headers})

        def _found(self, method, path, body):
            token = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
            for asked, pattern, name in _ROUTES:
                match = re.fullmatch(pattern, path)
                if match and asked == method:
                    parts = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                    given = getattr(_Api(hub, token, body), name)(**parts)
                    return given if isinstance(given, tuple) else (json.dumps(given).encode(), {})
            raise _Answer(404, "", f"no route for {method} {path}")

        def _read(self):
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _send(self, status, data, headers):
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers, "Content-Length": len(data)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    return Handler


if __name__ == "__main__":  # python -m tests.hub_server FILE...: serve files as org/sets until interrupted
    import sys
    from pathlib import Path

    with HubServer() as served:
        served.add("org/sets", {Path(name).name: Path(name) for name in sys.argv[1:]})
        print(f"export HF_ENDPOINT={served.endpoint} HF_HUB_OFFLINE=0 HF_HUB_DISABLE_XET=1", flush=True)
        time.sleep(10**6)
