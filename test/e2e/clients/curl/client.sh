#!/bin/sh
# The client of the end-to-end suite in curl, with the requests of Azure's documentation: prints facts as JSON
# lines, judges nothing.
#
#   client.sh token|secret|both [client-id= | resource-id= | object-id=] [scope=] [vault=] [secret=]
#             [times=1] [pause-ms=0] [parallel=1]
set -u
imds='http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01'
operation=$1
shift
times=1 pause_ms=0 parallel=1 selector='' scope='' vault='' secret=''

encoded() { jq -rn --arg text "$1" '$text | @uri'; }

for pair in "$@"; do
  value=${pair#*=}
  case ${pair%%=*} in
    client-id) selector="&client_id=$value" ;;
    resource-id) selector="&msi_res_id=$(encoded "$value")" ;;
    object-id) selector="&object_id=$value" ;;
    scope) scope=$value ;;
    vault) vault=${value%/} ;;
    secret) secret=$value ;;
    times) times=$value ;;
    pause-ms) pause_ms=$value ;;
    parallel) parallel=$value ;;
  esac
done

# Each line is one write: jobs in the background do not mix theirs.
say() {
  kind=$1 started=$2 fields=$3
  shift 3
  jq -cn --arg kind "$kind" --argjson started "$started" --argjson now "$(date +%s%3N)" "$@" \
    "{kind: \$kind, startedMs: \$started, ms: (\$now - \$started)} + $fields"
}

# get URL HEADER: sets $answer and $status; false unless the answer is 200.
get() {
  answer=$(curl --silent --show-error --write-out '\n%{http_code}' "$1" --header "$2" 2>&1)
  status=${answer##*
}
  answer=${answer%
*}
  [ "$status" = 200 ]
}

failed() { say "$1" "$2" '{ok: false, type: $status, error: $answer}' --arg status "$status" --arg answer "$answer"; }

token() { get "$imds&resource=$(encoded "$1")$selector" 'Metadata: true'; }

once() {
  if [ "$operation" != secret ]; then
    at=$(date +%s%3N)
    if token "${scope%/.default}"; then
      say token "$at" '{ok: true, token: $a.access_token, expiresOn: ($a.expires_on | tonumber)}' --argjson a "$answer"
    else
      failed token "$at"
    fi
  fi
  if [ "$operation" != token ]; then
    at=$(date +%s%3N)
    if token https://vault.azure.net &&
      get "$vault/secrets/$secret?api-version=2016-10-01" "Authorization: Bearer $(jq -rn --argjson a "$answer" '$a.access_token')"; then
      say secret "$at" '{ok: true, value: $a.value}' --argjson a "$answer"
    else
      failed secret "$at"
    fi
  fi
}

jq -cn --arg curl "$(curl --version | head -n 1 | cut -d ' ' -f 2)" '{kind: "start", client: "curl", versions: {curl: $curl}}'
round=0
while [ "$round" -lt "$times" ]; do
  [ "$round" -eq 0 ] || sleep "$(jq -n --argjson ms "$pause_ms" '$ms / 1000')"
  round=$((round + 1))
  job=0
  while [ "$job" -lt "$parallel" ]; do
    once &
    job=$((job + 1))
  done
  wait
done
jq -cn '{kind: "end"}'
