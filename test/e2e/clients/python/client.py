"""The client of the end-to-end suite in Python: prints facts as JSON lines, judges nothing.

client.py token|secret|both [credential=managed|default] [client-id= | resource-id= | object-id=]
          [scope=] [vault=] [secret=] [times=1] [pause-ms=0] [parallel=1]
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from threading import Lock

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

PACKAGES = ("azure-identity", "azure-keyvault-secrets", "azure-core", "msal")

write_lock = Lock()


def say(**fields):
    with write_lock:
        print(json.dumps(fields), flush=True)


def credential_of(asked):
    client_id = asked.get("client-id")
    if asked.get("credential") == "default":
        return DefaultAzureCredential(managed_identity_client_id=client_id) if client_id else DefaultAzureCredential()
    if client_id:
        return ManagedIdentityCredential(client_id=client_id)
    if asked.get("resource-id"):
        return ManagedIdentityCredential(identity_config={"resource_id": asked["resource-id"]})
    if asked.get("object-id"):
        return ManagedIdentityCredential(identity_config={"object_id": asked["object-id"]})
    return ManagedIdentityCredential()


def timed(kind, work):
    """Does the work and prints what came of it and how long it took."""
    started = time.time()
    try:
        facts = {"ok": True, **work()}
    except Exception as error:  # what the SDK shows to its user, whatever it is
        facts = {"ok": False, "type": type(error).__name__, "error": str(error)}
    say(kind=kind, startedMs=round(started * 1000), ms=round((time.time() - started) * 1000), **facts)


def main():
    operation, *pairs = sys.argv[1:]
    asked = dict(pair.split("=", 1) for pair in pairs)
    say(kind="start", client="python", versions={name: version(name) for name in PACKAGES})
    credential = credential_of(asked)
    vault = SecretClient(asked["vault"], credential) if "vault" in asked else None

    def token():
        got = credential.get_token(asked["scope"])
        return {"token": got.token, "expiresOn": got.expires_on}

    def once(_):
        if operation in ("token", "both"):
            timed("token", token)
        if operation in ("secret", "both"):
            timed("secret", lambda: {"value": vault.get_secret(asked["secret"]).value})

    parallel = int(asked.get("parallel", 1))
    with ThreadPoolExecutor(parallel) as pool:
        for round_number in range(int(asked.get("times", 1))):
            if round_number > 0:
                time.sleep(int(asked.get("pause-ms", 0)) / 1000)
            list(pool.map(once, range(parallel)))
    say(kind="end")


main()
