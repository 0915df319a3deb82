"""Uses the Hub at HF_ENDPOINT as people do with huggingface_hub (0.23 or newer) and checks every answer."""

import os
import tempfile

from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, snapshot_download
from huggingface_hub.utils import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

REPO = "alice/python"


def raises(kind, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{call} did not raise {kind}")


api = HfApi()
stranger = HfApi(token=False)
assert api.whoami()["name"] == "alice"
assert "Invalid user token" in str(raises(Exception, HfApi(token="hf_wrong").whoami))

# A private repository, with a large file (in parts), a small one, a nested one and an empty one.
url = api.create_repo(REPO, private=True)
assert url.repo_id == REPO
api.create_repo(REPO, private=True, exist_ok=True)
folder = tempfile.mkdtemp()
os.makedirs(f"{folder}/sub")
large = os.urandom(1_500_000)
contents = {
    "model.safetensors": large,
    "config.json": b'{"a": 1}',
    "sub/notes.txt": b"hello",
    "empty.txt": b"",
    "README.md": b"---\nlicense: mit\n---\nA model.\n",
}
for path, content in contents.items():
    with open(f"{folder}/{path}", "wb") as file:
        file.write(content)
api.upload_folder(repo_id=REPO, folder_path=folder, commit_message="Add the model")

info = api.model_info(REPO, files_metadata=True)
assert info.private and len(info.sha) == 40
siblings = {sibling.rfilename: sibling for sibling in info.siblings}
assert siblings["model.safetensors"].size == len(large) and siblings["model.safetensors"].lfs
assert siblings["config.json"].size == 8 and not siblings["config.json"].lfs
assert set(siblings) == {*contents, ".gitattributes"}
for outsider in (stranger, HfApi(token="hf_sandboxbob")):
    raises(RepositoryNotFoundError, outsider.model_info, REPO)
raises(HfHubHTTPError, HfApi(token="hf_sandboxread").upload_file, path_or_fileobj=b"x", path_in_repo="x", repo_id=REPO)
raises(HfHubHTTPError, HfApi(token="hf_sandboxbob").create_repo, "alice/not-mine")

# Public: strangers read it.
if hasattr(api, "update_repo_settings"):
    api.update_repo_settings(REPO, private=False)
else:
    api.update_repo_visibility(REPO, private=False)
assert stranger.model_info(REPO).private is False
path = snapshot_download(REPO, token=False)
for name, content in contents.items():
    with open(f"{path}/{name}", "rb") as file:
        assert file.read() == content, name
raises(EntryNotFoundError, hf_hub_download, REPO, "absent.bin")
raises(RevisionNotFoundError, hf_hub_download, REPO, "config.json", revision="absent")
raises(RepositoryNotFoundError, hf_hub_download, "alice/absent", "config.json")
local = hf_hub_download(REPO, "model.safetensors", local_dir=tempfile.mkdtemp(), token=False)
with open(local, "rb") as file:
    assert file.read() == large

# Listings, paths, history, branches, tags.
tree = {entry.path for entry in api.list_repo_tree(REPO, recursive=True, expand=True)}
assert tree == {*contents, ".gitattributes", "sub"}, tree
assert {entry.path for entry in api.list_repo_tree(REPO, path_in_repo="sub")} == {"sub/notes.txt"}
assert [entry.path for entry in api.get_paths_info(REPO, ["model.safetensors", "absent"])] == ["model.safetensors"]
assert [commit.title for commit in api.list_repo_commits(REPO)] == ["Add the model", "initial commit"]
assert [branch.name for branch in api.list_repo_refs(REPO).branches] == ["main"]
api.create_branch(REPO, branch="dev/x")
api.upload_file(path_or_fileobj=b"two", path_in_repo="config.json", repo_id=REPO, revision="dev/x")
assert len(api.list_repo_commits(REPO, revision="dev/x")) == 3 and len(api.list_repo_commits(REPO)) == 2
api.delete_branch(REPO, branch="dev/x")
api.create_tag(REPO, tag="v1")
api.delete_file("sub/notes.txt", REPO)
assert "sub/notes.txt" in api.list_repo_files(REPO, revision="v1")
assert "sub/notes.txt" not in api.list_repo_files(REPO)
raises(HfHubHTTPError, api.upload_file, path_or_fileobj=b"1", path_in_repo="z", repo_id=REPO, parent_commit="0" * 40)

# What is there is not sent again: a second name for the same bytes.
api.upload_file(path_or_fileobj=f"{folder}/model.safetensors", path_in_repo="copy.safetensors", repo_id=REPO)
with HfFileSystem().open(f"{REPO}/copy.safetensors") as file:
    file.seek(1000)
    assert file.read(10) == large[1000:1010]

# Data sets, renaming, listing, deleting.
api.create_repo("acme/data", repo_type="dataset")
api.upload_file(path_or_fileobj=b"a,b", path_in_repo="d.csv", repo_id="acme/data", repo_type="dataset")
with open(hf_hub_download("acme/data", "d.csv", repo_type="dataset"), "rb") as file:
    assert file.read() == b"a,b"
api.move_repo(REPO, "alice/moved")
assert [model.id for model in api.list_models(author="alice")] == ["alice/moved"]
api.delete_repo("alice/moved")
raises(RepositoryNotFoundError, api.model_info, "alice/moved")
print("all fine")
