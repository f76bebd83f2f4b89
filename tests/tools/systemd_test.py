"""Runs sluice.service and sluice.socket of tools/deploy under the systemd of this machine.

    SLUICE_BUILD=build /usr/bin/python3 tests/tools/systemd_test.py         (make test runs it)

systemd is process 1 of namespaces of its own, with the root directory below an overlay, so nothing
on the machine changes. Without root, systemd or the right to make namespaces the test is left out.
It takes four seconds.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", TOP / "build")).resolve()
SYSTEMD = pathlib.Path("/lib/systemd/systemd")
PATIENCE_S = 120
BEGUN = "begun"

# $1: a directory; $2: the top of the repository; $3: the directory of the programs. The wants of
# Debian's units are removed, so that nothing starts but a journal and what is tested.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs none "$1/mnt"
mkdir "$1/mnt/up" "$1/mnt/work" "$1/mnt/root"
root=$1/mnt/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/mnt/up,workdir=$1/mnt/work" "$root"
mount -t proc proc "$root/proc"
mount -o bind,ro "$root/proc/sys" "$root/proc/sys"
mount -t sysfs sys "$root/sys"
mount -t cgroup2 cgroup "$root/sys/fs/cgroup"
mount -t tmpfs none "$root/run"
mount --bind /dev "$root/dev"
units=$root/etc/systemd/system
rm -rf "$root"/lib/systemd/system/*.wants "$units"/*.wants
mkdir -p "$units" "$root/out" "$root/old" "$root/usr/local/lib/sysusers.d" "$root/srv/site"
mount --bind "$1/out" "$root/out"
install -m 755 "$3/sluice" "$root/usr/local/bin/sluice"
cp "$2/tools/deploy/sluice.service" "$2/tools/deploy/sluice.socket" "$units"
cp "$2/tools/deploy/sluice.sysusers" "$root/usr/local/lib/sysusers.d/sluice.conf"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
cat >"$units/try.service" <<'UNIT'
[Unit]
DefaultDependencies=no
Wants=systemd-journald.service
After=systemd-journald.service
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
TimeoutStartSec=100
ExecStart=/bin/bash /out/checks
StandardOutput=file:/out/log
StandardError=file:/out/errors
UNIT
cd "$root"
pivot_root . old
umount -l /old
export container=other
exec /lib/systemd/systemd --system --unit=try.service --log-target=null
"""

# Each line of output is a check: its name, and "ok" or what is wrong.
CHECKS = r"""
echo begun
property() { systemctl show --value -p "$1" sluice; }
say() { if [ "$2" = "$3" ]; then echo "$1: ok"; else echo "$1: $2, not $3"; fi; }
answer() {
    exec 3<>/dev/tcp/127.0.0.1/80 || return
    printf 'GET / HTTP/1.0\r\n\r\n' >&3
    head -c 12 <&3 | tail -c 3
    exec 3>&-
}
await() { for _ in $(seq 100); do [ "$(property "$1")" = "$2" ] && return; sleep 0.1; done; }
python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14s", b"lo", 0x49, b""))'  # lo is up
systemd-sysusers 2>/dev/null
install -d -m 750 -g sluice /etc/sluice
echo x >/srv/site/index.html
configuration=/etc/sluice/sluice.conf
printf 'root = /srv/site\nlisten = 80\npid-file = /run/sluice/sluice.pid\n' >$configuration

systemctl start sluice
say starts "$? $(property StatusText) $(answer)" "0 Serving 200"
say pid_file "$(cat /run/sluice/sluice.pid)" "$(property MainPID)"
systemctl reload sluice
say reloads "$? $(property ActiveState)" "0 active"
echo 'treads = 1' >>$configuration
systemctl reload sluice 2>/dev/null
say refuses_a_bad_configuration "$? $(property ActiveState) $(answer)" "1 active 200"
systemctl kill --kill-whom=main --signal=HUP sluice
for _ in $(seq 100); do journalctl -q -u sluice | grep -q "nothing has changed" && break; sleep 0.1; done
await ActiveState active
say ends_a_refused_reload "$(property ActiveState) $(property SubState)" "active running"
sed -i '$d' $configuration

old=$(property MainPID)
systemctl kill --kill-whom=main --signal=USR2 sluice
for _ in $(seq 100); do [ "$(property MainPID)" != "$old" ] && break; sleep 0.1; done
for _ in $(seq 100); do [ -e "/proc/$old" ] || break; sleep 0.1; done
new=$(property MainPID)
say upgrades "$([ "$new" != "$old" ] && echo "$(property ActiveState) $(answer)")" "active 200"
[ "$new" -gt 1 ] && kill -KILL "$new"
await NRestarts 1
await ActiveState active
say restarts_after_a_crash "$(property NRestarts) $(answer)" "1 200"
systemctl stop sluice
say stops "$? $(property Result) $(property ActiveState)" "0 success inactive"

systemctl start sluice.socket
say waits_for_a_connection "$(property ActiveState)" inactive
say starts_by_a_connection "$(answer) $(property ActiveState)" "200 active"
echo end: ok
"""


def cgroups() -> pathlib.Path | None:
    """Where the cgroups of version 2 are mounted."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        fields = line.split()
        if fields[2] == "cgroup2":
            return pathlib.Path(fields[1])
    return None


def boot(directory: pathlib.Path, cgroup: pathlib.Path) -> str:
    """Returns what the checks have written."""
    (directory / "mnt").mkdir()
    (directory / "out").mkdir()
    (directory / "out" / "checks").write_text(CHECKS)
    enter = (f'echo $$ >{cgroup}/cgroup.procs && exec unshare --mount --pid --fork --kill-child '
             '--cgroup --uts --ipc --net /bin/bash -c "$0" boot "$@"')
    try:
        subprocess.run(["/bin/sh", "-c", enter, BOOT, directory, TOP, BUILD], check=False,
                       timeout=PATIENCE_S, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        pass  # the log shows how far the checks came
    log = directory / "out" / "log"
    return log.read_text() if log.exists() else ""


def run() -> str:
    mounted = cgroups()
    if os.geteuid() != 0 or not SYSTEMD.exists() or not mounted:
        return ""
    cgroup = mounted / f"sluice-test-{os.getpid()}"
    with tempfile.TemporaryDirectory() as directory:
        try:
            cgroup.mkdir()
        except OSError:
            return ""
        try:
            return boot(pathlib.Path(directory), cgroup)
        finally:
            for path in [*sorted(cgroup.rglob("*"), reverse=True), cgroup]:
                if path.is_dir():
                    path.rmdir()


def main() -> int:
    lines = run().splitlines()
    if BEGUN not in lines:
        print("systemd_test: left out: systemd cannot be started here")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    checks = [line for line in lines if line != BEGUN]
    if "end: ok" not in checks:
        checks.append("end: not reached")
    failed = [line for line in checks if not line.endswith(": ok")]
    for line in failed:
        print(f"systemd_test: {line}")
    print(f"{len(checks) - len(failed)} passed, {len(failed)} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
