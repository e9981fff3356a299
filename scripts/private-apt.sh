# To be sourced: a package system of its own in the folder $work, with the mirrors of this machine's
# configuration, so that nothing of this machine's is changed.

private_apt() { # get|cache words...
  "apt-$1" -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State="$work" -o Dir::State::status="$work/status" -o Dir::Cache="$work" \
    -o Acquire::Languages=none -o Acquire::Retries=5 -o APT::Sandbox::User=root \
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 "${@:2}"
}

private_apt_mirror() { # debian|debian-security
  local found
  found=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sed -nE "s#^(.*/$1)/*\$#\1#p")
  if [ -z "$found" ]; then
    echo "apt is not configured with a mirror of $1: add one to its sources" >&2
    return 1
  fi
  echo "${found%%$'\n'*}"
}

# Reads the package lists of the sources, each an archive, a suite and a component: "debian trixie main".
private_apt_update() { # source...
  local source archive suites
  for source in "$@"; do
    read -r archive suites <<<"$source"
    archive=$(private_apt_mirror "$archive") || return 1
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $suites"
  done >"$work/sources.list" || return 1
  mkdir -p "$work"/{lists,archives}/partial
  : >"$work/status"
  if ! private_apt get -o APT::Update::Error-Mode=any update >&2; then
    echo "the mirror's package lists cannot be read: see above" >&2
    return 1
  fi
}
