"""gunicorn's settings: `gunicorn -c serving/gunicorn.conf.py 'serving.app:create_app()'` from the project's folder."""

import contextlib
import errno
import gc
import importlib
import os
import pwd
import shutil
import socket
import sys
import tempfile
import threading

# One thread a prediction: with a pool in each of them, boosted trees wait for one another. Before numpy is imported.
for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(pool, "1")
# A registry that hangs is asked again later; the model in memory answers meanwhile.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="churn-metrics-")

host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
bind = f"{host}:{port}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 24  # of which 16 may predict; the others answer probes, and "overloaded" at once
preload_app = True  # libraries are imported once and shared; a worker that dies is replaced in half a second
timeout = 30
graceful_timeout = 10
keepalive = 15
control_socket_disable = True  # nobody steers it from beside
accesslog = None  # the application logs each request itself, in JSON

# What the registry and the feature store import only when they are first used: in the master, so once for all workers.
LATE = (
    "churn.registry.history",
    "churn.training.estimators",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "skops.io",
)


def on_starting(server):
    from prometheus_client import multiprocess

    from serving import logs

    logs.configure()
    multiprocess.mark_process_dead(os.getpid())  # who loads the application makes its gauges, and never sets them
    for name in LATE:
        importlib.import_module(name)
    pages = server.app.wsgi().jinja_env
    for name in pages.list_templates(["html"]):
        pages.get_template(name)
    gc.collect()
    gc.freeze()  # a full collection would walk all that was imported, for half a second, and unshare its memory


def post_worker_init(worker):
    worker.wsgi.start()
    threading.Thread(target=worker.wsgi.record.warm, name="record", daemon=True).start()


def worker_exit(server, worker):
    worker.wsgi.prediction_log.write()
    gc.unfreeze()  # else DuckDB complains of leaks when Python ends


def child_exit(server, worker):
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    gc.unfreeze()
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def _step_down():
    """Started as root, the workers run as CHURN_USER, or as whoever owns the state: they need no right beyond it."""
    from churn import state

    if os.geteuid():
        return
    owner = (state.root() if state.root().exists() else state.PROJECT).stat()
    try:
        named = os.environ.get("CHURN_USER")
        account = pwd.getpwnam(named) if named else pwd.getpwuid(owner.st_uid)
        uid, gid, home = account.pw_uid, account.pw_gid, account.pw_dir
    except KeyError:  # the owner has a number and no name, as in a container
        if named:
            print(f"error: CHURN_USER is {named}, and there is no such user; name another", file=sys.stderr)
            sys.exit(2)
        uid, gid, home = owner.st_uid, owner.st_gid, str(state.root())
    if uid == 0:
        print(
            "warning: predictions run as root; name a user in CHURN_USER, or give it the state folder", file=sys.stderr
        )
        return
    os.chown(os.environ["PROMETHEUS_MULTIPROC_DIR"], uid, gid)
    os.environ["HOME"] = home
    globals().update(user=uid, group=gid, initgroups=home != str(state.root()))


def _give_home():
    from churn import state

    with contextlib.suppress(OSError, RuntimeError):  # a state folder that there is not is told by whoever looks at it
        state.give_libraries_a_home()


def _check_params():
    """A wrong params file ends in one clear line rather than in a stack trace."""
    from churn import profile
    from churn.errors import ChurnError
    from churn.params import schema
    from serving.app import DEFAULT_PARAMS

    try:
        profile.enter(schema.load(os.environ.get("CHURN_PARAMS") or DEFAULT_PARAMS).engine)
    except ChurnError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _check_address():
    """An address that cannot be had ends in one line, too; gunicorn tries for five seconds and tells each time."""
    ours = os.environ.get("CHURN_MASTER") == str(os.getpid())  # it reads its settings again, and holds the port itself
    if ours or "GUNICORN_FD" in os.environ or "LISTEN_FDS" in os.environ:  # or another holds it for us
        return
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except (OSError, ValueError, OverflowError) as error:
        in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is in use" if in_use else f"cannot be had ({getattr(error, 'strerror', None) or error})"
        remedy = "take another (make serve PORT=8001), or end what holds it" if in_use else "correct HOST and PORT"
        print(f"error: port {port} of {host} {why}; {remedy}", file=sys.stderr)
        sys.exit(2)
    os.environ["CHURN_MASTER"] = str(os.getpid())


_give_home()  # before libraries look for it
_check_address()  # at once: the other one loads the application
_check_params()
_step_down()
_give_home()  # to the user that the workers run as
