# What scripts of e2e/audit start with. kubectl is alice, who runs the platform, in a namespace of the script's own ($NS);
# `kubectl --context bob` is a developer, `carol` may do nothing, `kubernetes-admin` everything.
set -eu -o pipefail

# call METHOD PATH [CURL'S OPTIONS]: a request without kubectl, by alice, of JSON or of $TYPE; prints the status.
call() {
  local method=$1 path=$2
  shift 2
  curl -sS -o /dev/null -w '%{http_code}\n' --cacert "$CERTIFICATE" -H "Authorization: Bearer $TOKEN" \
    -H "Content-Type: ${TYPE:-application/json}" -X "$method" "$@" "$SERVER$path"
}

# running NAME: a pod of which the node says that it is running.
running() {
  kubectl --context kubernetes-admin run "$1" --image=registry.example/shop/web:1 --overrides='{"spec":{"nodeName":"node-1"}}'
  TOKEN=system-node-node-1 TYPE=application/merge-patch+json \
    call PATCH "/api/v1/namespaces/$NS/pods/$1/status" -d '{"status": {"phase": "Running"}}'
}
