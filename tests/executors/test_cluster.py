"""Dask as an executor, with real worker processes that listen on this machine alone."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest
from worker_calls import ended, killer, slowly, square, suicide

from stylespace.commands.atlas import runs
from stylespace.commands.atlas.making import atlas
from stylespace.errors import StylespaceError
from stylespace.executors import completed, executor_for
from stylespace.networks.loading import load_network
from stylespace.settings.atlas import AtlasSettings

distributed = pytest.importorskip("distributed")


def family():
    own = psutil.Process()
    return [own, *(one for one in own.children(recursive=True) if not ended(one.pid))]


def listening():
    """The addresses on which this process and its children listen."""
    every = [one for process in family() for one in process.net_connections()]
    return {one.laddr.ip for one in every if one.status == psutil.CONN_LISTEN}


@pytest.fixture(scope="module")
def cluster():
    with executor_for("dask", 2) as executor:
        yield executor


def test_every_result_comes_once(cluster):
    calls = [(number,) for number in range(40)]
    assert sorted(completed(cluster, square, calls)) == [(n, n**2) for n in range(40)]
    assert cluster.submit(square, 5).result() == 25
    assert cluster.count == 2


def test_nothing_outside_this_machine_can_reach_it(cluster):
    assert listening() == {"127.0.0.1"}


def test_a_killed_worker_costs_no_result(cluster, tmp_path):
    calls = [(number, str(tmp_path)) for number in range(12)]
    assert sorted(completed(cluster, killer, calls)) == [(n, n**2) for n in range(12)]
    assert (tmp_path / "killed").exists()


def test_a_result_whose_worker_is_lost_right_after_is_a_result(cluster, monkeypatch):
    monkeypatch.setattr(distributed.Future, "status", property(lambda future: "lost"))
    assert cluster.submit(square, 5).result(timeout=20) == 25


def test_closing_waits_for_the_calls_of_an_address(cluster):
    with executor_for(f"dask:{cluster._client.scheduler.address}") as executor:
        future = executor.submit(slowly, 3)
    assert future.result(timeout=0) == 3


def test_calls_that_dask_gives_up_are_submitted_again(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster._cluster.scheduler, "allowed_failures", 0)
    calls = [(number, str(tmp_path)) for number in range(12)]
    assert sorted(completed(cluster, killer, calls)) == [(n, n**2) for n in range(12)]


def test_workers_that_always_die_end_in_one_line(cluster, monkeypatch):
    monkeypatch.setattr(cluster._cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(StylespaceError, match="workers were lost 4 times"):
        list(completed(cluster, suicide, [(1,)]))


def test_a_cluster_is_found_by_its_address(cluster):
    address = cluster._client.scheduler.address
    with executor_for(f"dask:{address}") as executor:
        assert list(completed(executor, square, [(3,)])) == [(0, 9)]
    assert cluster.submit(square, 5).result() == 25  # it is still there


@pytest.mark.slow
def test_an_atlas_on_dask_equals_the_serial_one_though_a_worker_is_killed(
    cluster, tmp_path, monkeypatch, one_thread
):
    """A real worker, once the first batch has come back."""
    monkeypatch.setattr(runs, "BATCH", 4)
    settings = AtlasSettings(
        layer="conv1_1", block="0-3,2-5", size=24, iterations=3, weights="random:0", check=0
    )
    network, killed = load_network(weights="random:0"), []

    def kill_one(step):
        if not killed:
            killed.append(next(iter(cluster._client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    address = f"dask:{cluster._client.scheduler.address}"
    atlas(settings, tmp_path / "serial", network)
    remote = replace(settings, executor=address)
    result = atlas(remote, tmp_path / "dask", network, watch=lambda name: kill_one)
    assert killed
    assert [(row.i, row.j) for row in result.rows] == list(settings.pairs())
    for path in (tmp_path / "serial").rglob("*.*"):
        other = tmp_path / "dask" / path.relative_to(tmp_path / "serial")
        assert other.read_bytes() == path.read_bytes(), path.name


def test_a_scheduler_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr("stylespace.executors.cluster.ANSWERING", 1)
    with (
        pytest.raises(StylespaceError, match="no Dask scheduler answers at tcp://127.0.0.1:9") as e,
        executor_for("dask:tcp://127.0.0.1:9"),
    ):
        pass
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [(b"", "said nothing within 5 s"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "as no scheduler")],
)
def test_what_is_no_scheduler_is_told_in_time(said, words):
    """Silence, for which a client of Dask waits for ever, and words that it takes for a size."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with suppress(OSError):
                connection, _ = server.accept()
                connection.sendall(said)
                time.sleep(60)
                connection.close()

        threading.Thread(target=answer, daemon=True).start()
        address, began = f"tcp://127.0.0.1:{server.getsockname()[1]}", time.perf_counter()
        with (
            pytest.raises(StylespaceError, match=f"answers at {address} .*{words}") as e,
            executor_for(f"dask:{address}"),
        ):
            pass
        assert time.perf_counter() - began < 40
    assert "\n" not in str(e.value)


def test_a_scheduler_whose_workers_are_still_starting_is_waited_for(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr("stylespace.executors.cluster.ANSWERING", 1)
    quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    options = {"processes": False, "protocol": "tcp", "host": "127.0.0.1"}
    options |= {"dashboard_address": None, "scheduler_kwargs": quiet}
    with LocalCluster(n_workers=0, **options) as starting:
        with monkeypatch.context() as patch:
            patch.setattr("stylespace.executors.cluster.STARTING", 0.5)
            with (
                pytest.raises(StylespaceError, match="has no workers: start one"),
                executor_for(f"dask:{starting.scheduler_address}"),
            ):
                pass
        timer = threading.Timer(2, starting.scale, (1,))
        timer.start()
        with executor_for(f"dask:{starting.scheduler_address}") as executor:
            assert list(completed(executor, square, [(3,)])) == [(0, 9)]
        timer.join()


def test_tls_without_certificates_names_where_they_are_set():
    with (
        pytest.raises(StylespaceError, match=r"tls://127.0.0.1:9 needs certificates.*ca-file") as e,
        executor_for("dask:tls://127.0.0.1:9"),
    ):
        pass
    assert "\n" not in str(e.value)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate")
def test_a_scheduler_under_tls_is_found_with_the_certificates_of_dask(tmp_path):
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    openssl = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=a"
    made = [*openssl.split(), "-keyout", key, "-out", cert]
    subprocess.run(made, check=True, capture_output=True)
    files = {"ca-file": cert}
    for role in ("scheduler", "worker", "client"):
        files |= {f"{role}.cert": cert, f"{role}.key": key}
    tls = {f"distributed.comm.tls.{name}": file for name, file in files.items()}
    quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        dask.config.set(tls),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            protocol="tls",
            host="127.0.0.1",
            security=Security(),
            dashboard_address=None,
            scheduler_kwargs=quiet,
        ) as secure,
    ):
        assert secure.scheduler_address.startswith("tls://")
        with executor_for(f"dask:{secure.scheduler_address}") as executor:
            assert list(completed(executor, square, [(3,)])) == [(0, 9)]
