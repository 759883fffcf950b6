"""Runs a process as on a cluster: an ordinary user, everything read-only but the folders that are mounted for it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

USER = 10001
# In a mount namespace of its own: the folders stay as they are, every other file system turns read-only. The user may
# read everything, because the Python of a test often lies in somebody's home; it may write nothing that is not its own.
SCRIPT = """
for folder in $FOLDERS; do mount --bind "$folder" "$folder"; done
while read -r _ place kind _; do
  case "$kind" in proc|sysfs|devpts|devtmpfs|cgroup*|mqueue) continue ;; esac
  case " $FOLDERS /dev/shm " in *" $place "*) continue ;; esac
  mount -o remount,ro,bind "$place" 2>/dev/null || true
done < /proc/self/mounts
exec setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --no-new-privs \
  --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search "$@"
"""


def is_possible() -> bool:
    """Say whether this process may make a mount namespace and change its user."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


def start(command: Sequence[str], folders: Sequence[Path], environment: Mapping[str, str], cwd: Path,
          log: Path) -> subprocess.Popen:
    """Start a command that may write below `folders` alone; they become its user's."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, USER, USER)
    with log.open("wb") as told:
        apart = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", SCRIPT, "sh", *command]
        given = {**environment, "FOLDERS": " ".join(map(str, folders)), "USER_ID": str(USER)}
        return subprocess.Popen(apart, env=given, cwd=cwd, stdout=told, stderr=told)
