#!/usr/bin/env bash
# Checks what is in this folder: with the linters of each format, at fixed versions, and
# against the binary. It writes to a temporary folder alone. It needs Go and npx, and of
# Debian's packages systemd, procps, shellcheck and openssl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

GO_TOOLS=(
  sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
  sigs.k8s.io/kubectl-validate@v0.0.4
  github.com/zegl/kube-score/cmd/kube-score@v1.20.0
  github.com/compose-spec/compose-go/v2/cmd@v2.16.2
)
DOCKERFILE_UTILS=dockerfile-utils@0.16.3

# The highest exposure that systemd may find, in tenths. Its scale ends at 100.
MAX_EXPOSURE=20

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# quiet runs a command, and shows what it says only when it fails.
quiet() {
  "$@" >"$tmp/said" 2>&1 && return
  echo "found by $*:"
  cat "$tmp/said"
  return 1
}

# silent runs a command that has nothing to say when all is well.
silent() {
  quiet "$@"
  [[ ! -s $tmp/said ]] && return
  echo "found by $*:"
  cat "$tmp/said"
  return 1
}

build() {
  local tool
  for tool in "${GO_TOOLS[@]}"; do
    quiet env GOFLAGS= GOBIN="$tmp/bin" go install "$tool"
  done
  # As in the Dockerfile.
  CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o "$tmp/bin/parley" ../cmd/parley
}

# The unit is checked as it would be installed, on its own and with each drop-in.
check_systemd() {
  local root=$tmp/root units=$tmp/root/etc/systemd/system drop_in
  mkdir -p "$units/parley.service.d" "$root"/{bin,usr/local/bin,usr/lib/systemd/system}
  install "$tmp/bin/parley" "$root/usr/local/bin"
  install /bin/kill "$root/bin"
  cp /lib/systemd/system/*.target "$root/usr/lib/systemd/system"
  cp systemd/parley.service "$units"
  for drop_in in none systemd/parley.service.d/*; do
    rm -f "$units"/parley.service.d/*
    [[ $drop_in == none ]] || cp "$drop_in" "$units/parley.service.d"
    echo "systemd, drop-in: $drop_in"
    silent systemd-analyze verify --root="$root" parley.service
    quiet systemd-analyze security --root="$root" --offline=true --no-pager \
      --threshold=$MAX_EXPOSURE parley.service
  done
}

check_image() {
  echo 'Dockerfile'
  silent npx --yes "$DOCKERFILE_UTILS" lint docker/Dockerfile
  if ldd "$tmp/bin/parley" 2>/dev/null; then
    echo 'the binary needs libraries, which the image does not have'
    return 1
  fi
  echo 'compose.yaml'
  quiet "$tmp/bin/cmd" -no-interpolation docker/compose.yaml
}

check_kubernetes() {
  local variant
  for variant in cluster external-nats; do
    echo "kubernetes/$variant"
    "$tmp/bin/kustomize" build "kubernetes/$variant" >"$tmp/$variant.yaml"
    quiet "$tmp/bin/kubectl-validate" "$tmp/$variant.yaml"
    quiet "$tmp/bin/kube-score" score --ignore-container-cpu-limit "$tmp/$variant.yaml"
  done
}

# Secrets are where systemd or Kubernetes would put them.
make_secrets() {
  local dir=$tmp/secrets
  mkdir -p "$dir"/{nodes,users}
  openssl rand -hex 32 |
    tee "$dir"/nodes/{master.key,cluster.secret,nats.creds} >"$dir/users/backend"
  openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=parley \
    -addext subjectAltName=DNS:parley-0.parley-nodes,DNS:parley-1.example.com \
    -keyout "$dir/nodes/node.key" -out "$dir/nodes/node.crt" 2>/dev/null
  cp "$dir/nodes/node.crt" "$dir/nodes/ca.crt"
  cp "$dir/nodes/node.crt" "$dir/nodes/tls.crt"
  cp "$dir/nodes/node.key" "$dir/nodes/tls.key"
}

# accepted has the server look at settings. One is wrong on purpose, so that it starts
# nothing, and it must complain of that one alone.
accepted() {
  local complaint
  complaint=$(env "${@:2}" "$tmp/bin/parley" serve --max-clock-skew=1s 2>&1) || true
  [[ $complaint == 'parley: max_clock_skew '* && $complaint != *$'\n'* ]] && return
  echo "settings of $1: $complaint"
  return 1
}

check_settings() {
  local variant settings name dir=$tmp/secrets
  echo 'settings'
  make_secrets
  for variant in cluster external-nats; do
    sed "s|/run/parley/|$dir/|" "kubernetes/$variant/parley.yaml" >"$tmp/parley-$variant.yaml"
  done
  accepted kubernetes/cluster PARLEY_CONFIG="$tmp/parley-cluster.yaml" \
    PARLEY_CLUSTER_ADVERTISE=parley-0.parley-nodes:6222
  accepted kubernetes/external-nats PARLEY_CONFIG="$tmp/parley-external-nats.yaml"
  mapfile -t settings < <(
    grep '^PARLEY_' systemd/cluster.env
    sed -n "s|^Environment=\(PARLEY_.*=\)%d/|\1$dir/nodes/|p" systemd/parley.service.d/cluster.conf
  )
  accepted systemd "${settings[@]}"
  "$tmp/bin/parley" serve --help >"$tmp/help"
  echo PARLEY_MASTER_KEY >>"$tmp/help" # a secret, so there is no flag
  while read -r name; do
    grep -qwF "$name" "$tmp/help" && continue
    echo "$name is no variable of parley serve"
    return 1
  done < <(grep -rhoE 'PARLEY_[A-Z_]+' systemd docker kubernetes | sort -u)
}

silent shellcheck check.sh
build
check_systemd
check_image
check_kubernetes
check_settings
echo 'deploy: nothing found'
