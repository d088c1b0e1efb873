"""The client of the end-to-end suite for Azure CLI: runs az as people do, prints facts as JSON lines, judges nothing.

client.py token|secret|both [client-id= | resource-id= | object-id=] [scope=] [vault=] [secret=]
          [times=1] [pause-ms=0] [parallel=1]

The first operation begins with `az login --identity` and its time is counted in.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from threading import Lock
from urllib.parse import urlsplit

PACKAGES = ("azure-cli", "msal", "azure-keyvault-secrets")
AZ = [sys.executable, "-m", "azure.cli"]

write_lock = Lock()
login_lock = Lock()
logged_in = False


class AzFailed(Exception):
    pass


def say(**fields):
    with write_lock:
        print(json.dumps(fields), flush=True)


def az(*words):
    done = subprocess.run([*AZ, *words, "--output", "json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AzFailed(done.stderr.strip())
    return json.loads(done.stdout or "null")


def login(asked):
    global logged_in
    with login_lock:
        if not logged_in:
            chosen = [name for name in ("client-id", "resource-id", "object-id") if name in asked]
            az("login", "--identity", *(word for name in chosen for word in (f"--{name}", asked[name])))
            logged_in = True


def timed(kind, work):
    """Does the work and prints what came of it and how long it took."""
    started = time.time()
    try:
        facts = {"ok": True, **work()}
    except AzFailed as error:
        facts = {"ok": False, "type": "az", "error": str(error)}
    say(kind=kind, startedMs=round(started * 1000), ms=round((time.time() - started) * 1000), **facts)


def main():
    operation, *pairs = sys.argv[1:]
    asked = dict(pair.split("=", 1) for pair in pairs)
    say(kind="start", client="az", versions={name: version(name) for name in PACKAGES})

    def token():
        login(asked)
        got = az("account", "get-access-token", "--resource", asked["scope"].removesuffix("/.default"))
        return {"token": got["accessToken"], "expiresOn": got["expires_on"]}

    def secret():
        login(asked)
        vault = urlsplit(asked["vault"]).hostname.split(".")[0]
        return {"value": az("keyvault", "secret", "show", "--vault-name", vault, "--name", asked["secret"])["value"]}

    def once(_):
        if operation in ("token", "both"):
            timed("token", token)
        if operation in ("secret", "both"):
            timed("secret", secret)

    parallel = int(asked.get("parallel", 1))
    with ThreadPoolExecutor(parallel) as pool:
        for round_number in range(int(asked.get("times", 1))):
            if round_number > 0:
                time.sleep(int(asked.get("pause-ms", 0)) / 1000)
            list(pool.map(once, range(parallel)))
    say(kind="end")


main()
