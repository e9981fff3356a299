#!/usr/bin/env bash
# Makes the three packages, from a clone as it is:
#   dist/packages/fastsync_VERSION_amd64.deb            for Debian 12 and 13, with its own Node
#   dist/packages/fastsync-VERSION-linux-x64.tar.xz     the same for rescue systems: unpack anywhere, run
#   dist/packages/fastsync-VERSION.tgz                  for npm, with the built addon
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
version=$(node -p 'require("./package.json").version')
# The same sources make the same packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
packages=dist/packages
rm -rf "$packages"
mkdir -p "$packages"
work=$(mktemp -d)
# What is packed would be taken for what was built last.
trap 'rm -rf "$work" native/prebuilds' EXIT

prebuilt=$(bash scripts/build-native.sh --package | tail -n 1)
runtime=$(bash scripts/fetch-runtime.sh | tail -n 1)

# What both the .deb and the archive hold, below a folder such as /usr.
fill() { # folder
  local to=$1 library=$1/lib/fastsync program
  mkdir -p "$to"/bin "$library/dist" "$library/native/prebuilds" "$library/completions" "$library/lib" \
    "$to"/share/man/man{5,8} "$to"/share/doc/fastsync/examples \
    "$to"/share/bash-completion/completions "$to"/share/zsh/vendor-completions
  # The program looks for its files beside the nearest package.json.
  node -p 'const { name, version, license, type } = require("./package.json");
    JSON.stringify({ name, version, license, type }, null, 2)' >"$library/package.json"
  cp -r dist/program "$library/dist/"
  rm "$library"/dist/program/LICENSE*
  cp -r "$prebuilt" "$library/native/prebuilds/"
  cp completions/fastsync.bash "$library/completions/"
  cp "$runtime"/lib/*.so.* "$library/lib/"
  strip --strip-unneeded -o "$library/node" "$runtime/node_modules/node-24/bin/node"
  patchelf --force-rpath --set-rpath '$ORIGIN/lib' "$library/node"
  patchelf --force-rpath --set-rpath '$ORIGIN' "$library/lib/libstdc++.so.6"
  for program in fastsync fastverify; do
    install -m 755 packaging/launcher.sh "$to/bin/$program"
    gzip -9n <"dist/man/$program.8" >"$to/share/man/man8/$program.8.gz"
    node dist/program/fastsync.mjs completion bash >"$to/share/bash-completion/completions/$program"
  done
  gzip -9n <dist/man/fastsync.yaml.5 >"$to/share/man/man5/fastsync.yaml.5.gz"
  node dist/program/fastsync.mjs completion zsh >"$to/share/zsh/vendor-completions/_fastsync"
  cp packaging/fastsync.yaml "$to/share/doc/fastsync/examples/"
  cp docs/*.md "$to/share/doc/fastsync/"
  cp packaging/debian/copyright "$to/share/doc/fastsync/"
  third_party | gzip -9n >"$to/share/doc/fastsync/third-party.txt.gz"
  # The launcher starts them, by this Node and no other.
  sed -i '1{/^#!/d}' "$library"/dist/program/fast{sync,verify}.mjs
  find "$library" \( -name '*.so.*' -o -name '*.node' -o -name '*.mjs' \) -exec chmod 644 {} +
}

third_party() {
  printf '%s\n\n' 'Libraries bundled into lib/fastsync/dist/program:'
  cat dist/program/LICENSES
  printf '\n%s\n\n' 'Node.js, lib/fastsync/node:'
  cat "$runtime/node_modules/node-24/LICENSE"
  printf '\n%s\n\n' 'The C++ library of GCC, lib/fastsync/lib:'
  cat "$runtime/lib/copyright"
}

archive() {
  local name=fastsync-$version
  fill "$work/$name"
  cp README.md LICENSE "$work/$name/"
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -c "$name" |
    xz -T0 -3 >"$packages/$name-linux-x64.tar.xz"
}

deb() {
  local tree=$work/deb units=$work/deb/usr/lib/systemd/system size
  # The same files as in the archive, filled once.
  mkdir -p "$tree/usr"
  cp -r "$work/fastsync-$version"/{bin,lib,share} "$tree/usr/"
  mkdir -p "$units" "$tree/usr/share/lintian/overrides" "$tree/DEBIAN" "$tree/etc/fastsync"
  install -d -m 700 "$tree/var/lib/fastsync"
  cp systemd/*.service "$units/"
  node dist/packaging/units.js "$units"
  cp packaging/debian/lintian-overrides "$tree/usr/share/lintian/overrides/fastsync"
  changelog | gzip -9n >"$tree/usr/share/doc/fastsync/changelog.gz"
  size=$(du -sk --apparent-size "$tree" | cut -f1)
  sed -e "s/@VERSION@/$version/" -e "s/@SIZE@/$size/" packaging/debian/control >"$tree/DEBIAN/control"
  for script in postinst prerm postrm; do
    install -m 755 "packaging/debian/$script" "$tree/DEBIAN/$script"
  done
  (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz -z3 --build "$tree" "$packages/fastsync_${version}_amd64.deb" >/dev/null
}

changelog() {
  cat <<TEXT
fastsync ($version) stable; urgency=medium

  * Version $version; the history of changes is kept with the sources.

 -- The fastsync maintainers <maintainers@fastsync.example.org>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
TEXT
}

archive
deb
npm pack --silent --ignore-scripts --pack-destination "$packages" >/dev/null
ls -1 "$packages"/*
