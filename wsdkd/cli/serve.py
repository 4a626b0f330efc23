"""``wsdkd serve``: a student that answers over HTTP."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsdkd.ground.errors import UserError

if TYPE_CHECKING:
    from wsdkd.server.asked import Pool

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MB, GB = 1_000_000, 1_000_000_000

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME|FOLDER|FILE",
            help="Who answers where a request names none; FILE is of wsdkd export.",
        ),
    ] = "promoted",
    host: Annotated[
        str, typer.Option(help="Address to listen at; other machines reach 0.0.0.0.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through together.")] = 32,
    waiting: Annotated[int, typer.Option(min=1, help="Pictures that may wait; more get status 429.")] = 128,
    file_mb: Annotated[float, typer.Option(min=0.001, help="A larger file gets status 413.")] = 50.0,
    memory: Annotated[
        float, typer.Option(min=0.001, metavar="GB", help="That decoding a picture may take, or status 422.")
    ] = 1.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="Unanswered for longer: status 503.")] = 30.0,
) -> None:
    """Label pictures for other programs, and on a page to try a student.

    Post a picture's file to /predict. /openapi.json describes all addresses. A student that is promoted
    meanwhile takes over without a restart.
    """
    students = _students(model)
    from wsdkd.server.app import Limits, make_app

    limits = Limits(int(file_mb * MB), int(memory * GB), seconds, batch_size, waiting)
    application = make_app(students, limits)
    import uvicorn
    from fastapi.middleware.trustedhost import TrustedHostMiddleware

    if host in LOOPBACK:
        # A page from elsewhere could have its own name resolve to this machine.
        application.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])
    typer.echo(f"http://{host}:{port} answers with {model}; stop it with Ctrl-C", err=True)
    uvicorn.run(
        application,
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=int(seconds) + 1,
    )


def _students(model: str) -> "Pool":
    """The students that can be asked, the first of which is loaded.

    Raises:
        UserError: there is none, or a package is missing.
    """
    exported = model.endswith(".onnx")
    if not exported:
        from wsdkd.serving.named import student_named

        student_named(model)  # refuses what is not there, before seconds of loading
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{error.name} is not installed; wsdkd serve needs: "
            "pip install 'fastapi<0.151' uvicorn prometheus-client"
        ) from None
    if exported:
        from wsdkd.server.exported import ExportedStudent

        return ExportedStudent(Path(model))
    from wsdkd.server.students import Students

    students = Students(model)
    students.get(model)
    return students
