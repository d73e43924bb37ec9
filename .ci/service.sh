# Sourced: starts the service as the README says and ends it again, with all that started it.
#
# npx, pnpm and the shells between them get a process group of their own, because a signal to npx alone reaches nobody else.

# start_service LOG [COMMAND...]: starts `COMMAND... npx -y pnpm start`; sets $url to where it listens, $service to the group.
start_service() {
  local log=$1
  shift
  : >"$log"
  setsid "$@" npx -y pnpm start >"$log" 2>&1 &
  service=$!
  for _ in $(seq 240); do
    if grep -q '^portico: listening on' "$log" || ! kill -0 "$service" 2>/dev/null; then break; fi
    sleep 0.5
  done
  url=$(sed -n 's/^portico: listening on //p' "$log")
  if [ -z "$url" ]; then
    cat "$log"
    echo "the service did not start"
    return 1
  fi
}

# stop_service: ends it as Ctrl-C does, and waits until the port is free.
stop_service() {
  if [ -z "${service:-}" ]; then return; fi
  kill -INT -- "-$service" 2>/dev/null || true
  wait "$service" 2>/dev/null || true
  service=
}

# whole_entry URL [COMMAND...]: one real entry by curl, complete.
whole_entry() {
  local url=$1 entry
  shift
  entry=$("$@" curl --fail --silent --show-error -H 'x-user-id: 2001' "$url/v1/rooms/1001/entry")
  echo "$entry"
  grep -q '"complete":true' <<<"$entry"
}
