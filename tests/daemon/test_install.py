"""What make install brings: complete, sound, and careful with what is there."""
import os
import shutil
import subprocess

import pytest

import filterd_proc
from conftest import cannot


def make(*args):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    r = subprocess.run(["make", "-s", "-C", filterd_proc.build_dir(), *args], env=env,
                       capture_output=True, text=True)
    assert r.returncode == 0, r.stdout + r.stderr
    return r.stdout


def files(root):
    return sorted(os.path.join(d, f)[len(str(root)):] for d, _, fs in os.walk(root) for f in fs)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    root = tmp_path_factory.mktemp("root")
    make("install", f"DESTDIR={root}")
    return root


def find(root, name):
    [found] = [str(root) + f for f in files(root) if f.endswith("/" + name)]
    return found


def test_all_is_there(installed):
    for name in ("sbin/filterd", "filterctl", "filterd/filterd.cf", "filterd/header_checks",
                 "filterd/body_checks", "system/filterd.service", "sysusers.d/filterd.conf",
                 "man8/filterd.8", "man8/filterctl.8", "man5/filterd.cf.5",
                 "man5/filterd_tables.5", "man8/filterd_milter.8", "man8/filterd_policy.8",
                 "man5/filterd_restrictions.5", "man5/filterd_access.5", "man5/filterd_content.5",
                 "man7/filterd_plugin.7", "include/filterd_plugin.h", "pkgconfig/filterd.pc",
                 "policy/inbound.cf", "policy/permissive.cf", "policy/strict.cf", "policy/submission.cf", "policy/README.md"):
        find(installed, name)


def test_manuals_are_sound(installed):
    if not shutil.which("mandoc"):
        cannot("mandoc is not installed")
    pages = [str(installed) + f for f in files(installed) if "/man/man" in f]
    r = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True,
                       text=True)
    assert r.stdout == ""


def test_unit_is_sound(installed, tmp_path):
    if not shutil.which("systemd-analyze"):
        cannot("systemd-analyze is not installed")
    with open(find(installed, "filterd.service")) as f:
        text = f.read()
    [command] = [x.split("=", 1)[1] for x in text.splitlines() if x.startswith("ExecStart=")]
    # It must name the path it was configured for, where nothing is installed now.
    assert os.path.exists(str(installed) + command.split()[0])
    unit = tmp_path / "filterd.service"
    unit.write_text(text.replace(command.split()[0], filterd_proc.program("filterd"))
                    .replace("Documentation=", "#"))
    r = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True,
                       text=True)
    assert (r.returncode, r.stderr) == (0, "")


def test_default_configuration_starts(installed, hop):
    """As it is shipped, but for paths, ports and the user."""
    with open(find(installed, "filterd.cf")) as f:
        shipped = dict(line.strip().split(" = ", 1) for line in f
                       if line.strip() and not line.startswith("#"))
    here = os.path.dirname(find(installed, "filterd.cf"))
    os.chmod(here, 0o755)
    listeners, next_hop = shipped.pop("listeners"), shipped.pop("next_hop")
    assert (listeners, next_hop) == ("{ lmtp:127.0.0.1:10025 }", "smtp:[127.0.0.1]:10026")
    files = {}
    for name in ("header_checks", "body_checks"):
        with open(os.path.join(here, name)) as f:
            files[name] = f.read()
        kind, path = shipped[name].split(":")
        assert os.path.exists(str(installed) + path)
        shipped[name] = f"{kind}:{{dir}}/{name}"
    with filterd_proc.Filterd(listeners={"lmtp": "lmtp"}, next_hop=hop.next_hop, files=files,
                              **shipped) as f:
        import smtp
        _, _, ends = smtp.send(f.address(), "a@example.com", "b@example.com",
                               b"Subject: x\r\n\r\ny\r\n", lmtp=True)
        assert ends[0].code == 250


def test_configuration_is_never_written_over(installed, tmp_path):
    """And uninstall leaves nothing but what the administrator has changed."""
    installed = shutil.copytree(installed, tmp_path / "root")
    config = find(installed, "filterd.cf")
    with open(config, "a") as f:
        f.write("# mine\n")
    make("install", f"DESTDIR={installed}")
    with open(config) as f:
        assert f.read().endswith("# mine\n")
    make("uninstall", f"DESTDIR={installed}")
    assert files(installed) == [config[len(str(installed)):]]
