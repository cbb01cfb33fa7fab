"""Upload a folder to a model repository, in one commit."""

from __future__ import annotations

from pathlib import Path

from recbole_adasid.hub.client import endpoint, hub_client, in_a_sentence
from recbole_adasid.hub.layout import Layout


def upload(
    folder: Path,
    name: str,
    layout: Layout,
    *,
    revision: str | None = None,
    private: bool | None = None,
    token: str | bool | None = None,
    message: str | None = None,
) -> str:
    """Upload the layout's files from a folder and return the commit's URL.

    The repository and the branch are created if needed. Layout files that the folder lacks are deleted in the same
    commit; all other files stay. Options and errors are those of
    :meth:`~recbole_adasid.hub.published.Published.push_to_hub`.
    """
    hub = hub_client(f"publishing {name!r} on the hub")
    api = hub.HfApi(endpoint=endpoint(), token=token)
    with in_a_sentence(name, revision):
        name = api.create_repo(name, private=private, exist_ok=True).repo_id
        public = private and not api.model_info(name).private
    if public:
        raise ValueError(f"{name} exists and is public: make it private at {endpoint()}/{name}, or use another name")
    with in_a_sentence(name, revision):
        if revision is not None:
            api.create_branch(name, branch=revision, exist_ok=True)
        present = set(api.list_repo_files(name, revision=revision))
        there = [path for path in layout.published if (folder / path).is_file()]
        gone = sorted(present.intersection(layout.published).difference(there))
        done = api.create_commit(
            name,
            [
                *(hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=str(folder / path)) for path in there),
                *(hub.CommitOperationDelete(path_in_repo=path) for path in gone),
            ],
            commit_message=message or f"Publish a {layout.kind}",
            revision=revision,
        )
    return str(done.commit_url)
