#!/usr/bin/env bash
# What check-boot and check-machine share; sourced, with `package` (the .deb) and `what` (what is tested, for SKIP lines)
# set, and `run` (a folder of this run) before anything is made.  It makes no machine and ends none.
# shellcheck disable=SC2154  # those three are the sourcing script's

needed=$({ dpkg-deb -f "$package" Depends; dpkg-deb -f "$package" Recommends; } | tr ',' '\n' | sed 's/(.*//; s/|.*//' | xargs)
cache=${CLIPSPOOL_TEST_CACHE:-/tmp/clipspool-test-media-0}/debian-12-$(md5sum <<<"$needed" | cut -c 1-8)
passed=0

skip() {
    echo "SKIP $what: $*"
    exit 0
}
ok() {
    passed=$((passed + 1))
    echo "ok: $*"
}
fail() {
    echo "FAILED: $*"
    exit 1
}
need() { # programs: root and all of them, or there is nothing to test with
    local program
    [ "$(id -u)" = 0 ] || skip "only root can boot one"
    for program; do
        command -v "$program" >/dev/null || skip "there is no $program"
    done
}

build_root() { # once: a small Debian, and everything that the package and the tests need
    local part=$cache.part.$$ mirror
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    rm -rf "$part"
    mkdir -p "$part"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,samba,smbclient bookworm \
        "$part" "$mirror" >"$run/debootstrap" || { tail "$run/debootstrap"; fail "debootstrap"; }
    cp -r /etc/apt/apt.conf.d/. "$part/etc/apt/apt.conf.d/"
    chroot "$part" apt-get update -qq
    # shellcheck disable=SC2086
    chroot "$part" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $needed >/dev/null
    chroot "$part" systemctl disable --quiet smbd nmbd samba-ad-dc
    rm -rf "$cache"
    mv "$part" "$cache"
}

mount_root() { # folder, name: the root at the folder, with a layer of this run for what is written
    mkdir -p "$1" "$run/$2.upper" "$run/$2.work"
    mount -t overlay overlay -o "lowerdir=$cache,upperdir=$run/$2.upper,workdir=$run/$2.work" "$1" ||
        skip "this machine has no overlay file system"
}

make_video() { # file, size, seconds
    ffmpeg -nostdin -v error -f lavfi -i "testsrc2=s=$2:r=30:d=$3" -f lavfi -i "sine=f=440:d=$3" -c:v libx264 \
        -preset veryfast -g 30 -c:a aac "$1"
}

await() { # seconds, then a condition: waits until it holds; where all is slow, `patience` times as long
    local end=$((SECONDS + $1 * ${patience:-1}))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}
