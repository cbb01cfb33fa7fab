"""A model hub on loopback: the parts of the download and upload protocols that huggingface_hub uses."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

WRITER, READER = "hf_writer", "hf_reader"
MAIN = "main"


@dataclass
class Repository:
    """Commits by hash, and the one that each branch or tag points to."""

    private: bool = False
    gated: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    """Extra names in the listing, as from a malicious server."""

    def commit(self, files: dict[str, bytes], revision: str = MAIN, message: str = "") -> str:
        """Make a commit of exactly these files, and return its hash."""
        content = json.dumps([[name, hashlib.sha1(blob).hexdigest()] for name, blob in sorted(files.items())])
        sha = hashlib.sha1(f"{len(self.commits)}{content}".encode()).hexdigest()
        self.commits[sha], self.refs[revision] = files, sha
        self.messages.append(message)
        return sha

    def files(self, revision: str = MAIN) -> dict[str, bytes]:
        """Return the files of a revision."""
        return self.commits[self.refs.get(revision, revision)]


class LoopbackHub:
    """The repositories of a hub, its address, and the requests it got."""

    def __init__(self) -> None:
        self.address = ""
        self.empty()

    def empty(self) -> None:
        """Start over, at the same address."""
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        self.lfs: dict[str, bytes] = {}
        self.truncated: set[str] = set()
        """Files that are cut off halfway, although the response states their full size."""
        self.large: tuple[str, ...] = ()
        """Suffixes of files that have to be uploaded as LFS."""
        self.sha: str | None = None
        """The alleged hash of every commit."""
        self.status: int | None = None
        """Response to every request."""

    def publish(self, name: str, folder: Path, revision: str = MAIN, **kind: bool) -> Repository:
        """Put a folder's files into a repository, bypassing the protocol."""
        repository = self.repositories.setdefault(name, Repository(**kind))
        files = [path for path in folder.rglob("*") if path.is_file()]
        repository.commit({path.relative_to(folder).as_posix(): path.read_bytes() for path in files}, revision)
        return repository

    @property
    def downloaded(self) -> set[str]:
        """Names of the requested files."""
        return {path.split("/resolve/")[1].partition("/")[2] for path in self.asked if "/resolve/" in path}

    @contextmanager
    def serving(self) -> Iterator[LoopbackHub]:
        """Serve at `address` during the block."""
        handler = type("Handler", (_Handler,), {"hub": self})
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            self.address = f"http://127.0.0.1:{server.server_address[1]}"
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            yield self
            server.shutdown()


class _Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message or code


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    do_GET = do_POST = do_PUT = do_HEAD

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.hub.status is not None:
                raise _Refused(self.hub.status)
            for method, pattern, answer in _ROUTES:
                match = re.fullmatch(pattern, path)
                if match and self.command in method:
                    answer(self, **match.groupdict())
                    return
            raise _Refused(404)
        except _Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
            self._send(json.dumps({"error": refused.message}).encode(), refused.status, **headers)

    def _send(self, content: bytes, status: int = 200, *, ends: bool = False, **headers: str) -> None:
        self.send_response(status)
        headers = {"Content-Length": str(len(content)), "Content-Type": "application/json", **headers}
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if ends else content)
        self.close_connection = self.close_connection or ends

    def _json(self, content: Any) -> None:
        self._send(json.dumps(content).encode())

    @property
    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _repository(self, name: str, *, write: bool = False) -> Repository:
        found = self.hub.repositories.get(name)
        if found is None or found.private and self._token not in (WRITER, READER):
            raise _Refused(404 if self._token else 401, "RepoNotFound", "Repository Not Found")
        if write:
            self._check_writer()
        return found

    def _check_writer(self) -> None:
        if self._token != WRITER:
            raise _Refused(403 if self._token == READER else 401, message="you may not write here")

    def _commit(self, repository: Repository, revision: str | None) -> str:
        sha = repository.refs.get(revision or MAIN, revision or MAIN)
        if sha not in repository.commits:
            raise _Refused(404, "RevisionNotFound", "Revision Not Found")
        return sha

    def info(self, name: str, revision: str | None = None) -> None:
        repository = self._repository(name)
        sha = self._commit(repository, revision)
        names = [*repository.commits[sha], *repository.listed]
        about = {"_id": "1", "id": name, "modelId": name, "sha": self.hub.sha or sha, "private": repository.private}
        about |= {"tags": [], "downloads": 0, "likes": 0, "gated": repository.gated, "disabled": False}
        self._json({**about, "siblings": [{"rfilename": file} for file in names]})

    def tree(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        files = repository.files(self._commit(repository, revision))
        entries = [(path, len(blob), hashlib.sha1(blob).hexdigest()) for path, blob in files.items()]
        entries += [(path, 4, "0" * 40) for path in repository.listed]
        self._json([{"type": "file", "path": path, "size": size, "oid": oid} for path, size, oid in entries])

    def file(self, name: str, revision: str, path: str) -> None:
        repository = self._repository(name)
        sha = self._commit(repository, revision)
        if repository.gated and not self._token:
            raise _Refused(401, "GatedRepo", "Access is restricted")
        if path not in repository.commits[sha] and path not in repository.listed:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        content = repository.commits[sha].get(path, b"evil")
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        kind = {"ETag": etag, "X-Repo-Commit": sha, "Content-Type": "application/octet-stream"}
        self._send(content, ends=path in self.hub.truncated, **kind)

    def create(self) -> None:
        self._check_writer()
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        url = {"url": f"{self.hub.address}/{name}"}
        if name in self.hub.repositories:
            self._send(json.dumps(url).encode(), 409)
            return
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.hub.repositories[name] = Repository(private=private)
        self.hub.repositories[name].commit({".gitattributes": b"* text\n"})
        self._json(url)

    def branch(self, name: str, revision: str) -> None:
        repository = self._repository(name, write=True)
        if revision in repository.refs:
            raise _Refused(409)
        repository.refs[revision] = repository.refs[MAIN]
        self._json({})

    def validate(self) -> None:
        head = json.loads(self.body)["content"].split("---\n")[1]
        known = isinstance(yaml.safe_load(head).get("license"), str)
        errors = [] if known else [{"message": '"license" must be a string'}]
        self._send(json.dumps({"errors": errors, "warnings": []}).encode(), 200 if known else 400)

    def preupload(self, name: str, revision: str) -> None:
        self._commit(self._repository(name, write=True), revision)
        paths = [file["path"] for file in json.loads(self.body)["files"]]
        modes = ["lfs" if path.endswith(self.hub.large) and self.hub.large else "regular" for path in paths]
        self._json({"files": [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in zip(paths, modes)]})

    def batch(self, name: str) -> None:
        self._repository(name, write=True)
        wanted = json.loads(self.body)["objects"]
        put = {one["oid"]: {"upload": {"href": f"{self.hub.address}/lfs/{one['oid']}"}} for one in wanted}
        self._json({"transfer": "basic", "objects": [{**one, "actions": put[one["oid"]]} for one in wanted]})

    def put(self, oid: str) -> None:
        self.hub.lfs[oid] = self.body
        self._send(b"")

    def write(self, name: str, revision: str) -> None:
        repository = self._repository(name, write=True)
        files, message = dict(repository.files(self._commit(repository, revision))), ""
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                message = value["summary"]
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.lfs[value["oid"]]
            else:
                del files[value["path"]]
        sha = repository.commit(files, revision, message)
        where = {"commitUrl": f"{self.hub.address}/{name}/commit/{sha}", "commitOid": sha}
        self._json({**where, "success": True, "hookOutput": ""})


_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_ROUTES = (
    (("POST",), "/api/repos/create", _Handler.create),
    (("POST",), "/api/validate-yaml", _Handler.validate),
    (("GET",), f"/api/models/{_NAME}", _Handler.info),
    (("GET",), f"/api/models/{_NAME}/revision/(?P<revision>.+)", _Handler.info),
    (("GET",), f"/api/models/{_NAME}/tree/(?P<revision>[^/]+)/?", _Handler.tree),
    (("POST",), f"/api/models/{_NAME}/branch/(?P<revision>.+)", _Handler.branch),
    (("POST",), f"/api/models/{_NAME}/preupload/(?P<revision>.+)", _Handler.preupload),
    (("POST",), f"/api/models/{_NAME}/commit/(?P<revision>.+)", _Handler.write),
    (("POST",), rf"/{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (("PUT",), "/lfs/(?P<oid>[0-9a-f]+)", _Handler.put),
    (("GET", "HEAD"), f"/{_NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _Handler.file),
)
