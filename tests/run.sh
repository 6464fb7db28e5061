# shellcheck shell=bash
# The tests of the whole repository; sourced by ./mobility. Counts what the result files say plus two checks: the format, and one real start and stop.

results=$root/artifacts/test-results
passed=0
failed=0
skipped=0

check() {
  local words=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    say "check passed: $words"
  else
    failed=$((failed + 1))
    say "check FAILED: $words"
  fi
}

run_all_tests() {
  need_dotnet
  need_postgres
  need_promtool
  need_mosquitto mosquitto_pub mosquitto_sub
  need_npm_mqtt
  rm -rf "$results"
  mkdir -p "$results"
  if build solution Mobility.slnx src tests bench; then
    local project
    for project in "$root"/tests/*/*.csproj; do run_test_project "$project"; done
    check "the whole platform starts, passes its audit and stops" check_platform
  else
    failed=$((failed + 1))
  fi
  check "the code is formatted" run_step "checking the format" dotnet format "$root/Mobility.slnx" --verify-no-changes --no-restore
  print_totals
}

run_test_project() {
  local name status=0
  name=$(basename "$1" .csproj)
  say "running $name"
  (cd "$root" && dotnet test "$1" -c Release --no-build --nologo --results-directory "$results" --logger "trx;LogFileName=$name.trx" \
    --logger "console;verbosity=minimal" </dev/null) || status=$?
  count_results "$results/$name.trx" "$status"
}

# A test process that crashes leaves no file, or one in which everything passed: both are a failure.
count_results() {
  local counters total ok executed
  counters=$(grep -o '<Counters [^>]*>' "$1" 2>/dev/null || true)
  total=$(attribute total "$counters") ok=$(attribute passed "$counters") executed=$(attribute executed "$counters")
  passed=$((passed + ok))
  failed=$((failed + executed - ok))
  skipped=$((skipped + total - executed))
  if ((executed == 0)); then
    say "no test ran in $(basename "$1" .trx)"
    failed=$((failed + 1))
  elif (($2 != 0 && executed == ok)); then
    say "the test run of $(basename "$1" .trx) ended with an error although no test failed"
    failed=$((failed + 1))
  fi
}

attribute() {
  local value
  value=$(sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$2")
  echo "${value:-0}"
}

# Starts the platform on a folder of its own and any free port, waits until it says that it is ready, audits it, and stops it as Ctrl-C does.
check_platform() {
  local folder log pid status=0
  folder=$(mktemp -d /tmp/mobility-check-XXXXXX)
  chmod 755 "$folder"
  log=$logs/whole-platform.log
  mkdir -p "$logs"
  say "starting the whole platform once ..."
  set -m # a background job of its own, so that an interrupt reaches it
  "$(host)" up --data "$folder/data" --port 0 </dev/null >"$log" 2>&1 &
  pid=$!
  set +m
  if ! wait_until_ready "$log" "$pid"; then
    status=1
  elif ! "$(host)" audit --data "$folder/data" >>"$log" 2>&1; then
    say "the audit failed"
    status=1
  fi
  kill -INT "$pid" 2>/dev/null || true
  wait "$pid" || { say "the platform ended with exit code $?"; status=1; }
  ((status == 0)) || tail -n 30 "$log" >&2
  rm -rf "$folder"
  return "$status"
}

wait_until_ready() {
  local log=$1 pid=$2 deadline=$((SECONDS + 120)) address
  while ((SECONDS < deadline)) && kill -0 "$pid" 2>/dev/null; do
    address=$(grep -om1 'http://[0-9a-z.]*:[0-9]*' "$log" | head -n 1 || true)
    if [[ -n $address ]] && node -e 'fetch(process.argv[1]).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$address/health/ready"; then
      return 0
    fi
    sleep 0.3
  done
  say "the platform was not ready in time"
  return 1
}

print_totals() {
  local line="$passed passed, $failed failed"
  ((skipped == 0)) || line="$line, $skipped skipped"
  echo "$line"
  ((failed == 0 && passed > 0))
}
