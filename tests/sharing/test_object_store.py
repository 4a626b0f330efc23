"""The same exchange over S3, with a server of the protocol on this machine."""

from collections.abc import Callable, Iterator

import pytest

from tests.pipeline.clone import Clone
from tests.sharing.stored import objects, outputs

pytestmark = pytest.mark.long

pytest.importorskip("dvc_s3", reason="pip install dvc-s3")
server = pytest.importorskip("moto.server")

CACHE = "data/teacher_cache"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A bucket ``shared`` on a free port of the loopback interface."""
    import boto3

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "tests")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("NO_PROXY", "127.0.0.1")
        running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        running.start()
        host, port = running.get_host_and_port()
        url = f"http://{host}:{port}"
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket="shared")
        yield url
        running.stop()


@pytest.mark.filterwarnings("ignore")  # the server's own
def test_the_cache_goes_through_an_object_store(
    team: Clone, clone_of: Callable[[Clone], Clone], endpoint: str
) -> None:
    sender, receiver = clone_of(team), clone_of(team)
    sender.dvc("pull", "cache_teacher", "prepare")
    for clone in (sender, receiver):
        clone.dvc("remote", "add", "--force", "--default", "shared", "s3://shared/wsdkd")
        clone.dvc("remote", "modify", "shared", "endpointurl", endpoint)
    assert f"{len(outputs(team, CACHE))} files pushed" in sender.dvc("push", "cache_teacher")
    assert "Everything is up to date" in sender.dvc("push", "cache_teacher")
    receiver.dvc("pull", "cache_teacher")
    assert objects(receiver.root / ".dvc/cache") == outputs(team, CACHE)
    for path in (sender.root / CACHE).iterdir():
        assert (receiver.root / CACHE / path.name).read_bytes() == path.read_bytes()
