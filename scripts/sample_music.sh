#!/bin/sh
# sample_music.sh: prints the path of a folder of music for when no AUDIO is given: 31 real tracks of 7 s to 3 min
# out of a Debian package (36 MB, downloaded and unpacked, not installed), else a dozen made by ffmpeg. Kept in .cache/.
set -eu
cd "$(dirname "$0")/.."

package=drascula-music
folder=usr/share/scummvm/drascula/audio
music=.cache/music

say() { printf '%s\n' "$*" >&2; }

# download FOLDER: the package's music there.
download() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  say "Downloading sample music (Debian's $package, 36 MB) ..."
  { apt-cache show $package || apt-get update; } >>.cache/setup.log 2>&1 || return 1
  (cd "$work" && apt-get download -o Acquire::Retries=2 -o Acquire::http::Timeout=20 $package) >>.cache/setup.log 2>&1 || return 1
  dpkg-deb -x "$work"/*.deb "$work/unpacked" && mv "$work/unpacked/$folder" "$1"
}

# tune NUMBER: an ffmpeg expression: a melody, a bass and a beat, whose notes follow from the number alone.
tune() {
  tempo=$(($1 % 5 + 2))
  cat <<END | tr -d ' \n'
    st(0, mod(abs(sin(floor(t * $tempo) * 12.9898 + $1 * 78.233) * 43758.5453), 1));
    st(1, mod(abs(sin(floor(t * $tempo / 4) * 39.425 + $1 * 11.135) * 24634.6345), 1));
    st(2, 220 * 2 ^ (floor(floor(ld(0) * 10) * 2.4 + $(($1 % 5))) / 12));
    st(3, 55 * 2 ^ (floor(ld(1) * 12) / 12));
    0.3 * (sin(2 * PI * t * ld(2)) + 0.4 * sin(4 * PI * t * ld(2)) + 0.2 * sin(6 * PI * t * ld(2))) * exp(-2 * mod(t * $tempo, 1))
    + 0.25 * (sin(2 * PI * t * ld(3)) + 0.3 * sin(4 * PI * t * ld(3)))
    + 0.2 * (random(4) - 0.5) * exp(-12 * mod(t * $tempo / 2, 1))
END
}

# synthesise FOLDER: a dozen tracks of 45 to 100 s in several formats, the same ones every time.
synthesise() {
  mkdir "$1"
  number=0
  for format in mp3 flac wav ogg m4a opus mp3 flac wav ogg m4a opus; do
    number=$((number + 1))
    ffmpeg -nostdin -loglevel error -f lavfi -i "aevalsrc='$(tune $number)':s=22050:d=$((40 + number * 5))" \
      -fflags +bitexact -flags:a +bitexact "$1/tune$number.$format"
  done
}

if [ ! -d $music ]; then
  mkdir -p .cache
  work=$(mktemp -d .cache/music.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' HUP INT TERM
  if ! download "$work/music"; then
    say "No sample music from Debian here: making a dozen with ffmpeg ..."
    rm -rf "$work/music"
    synthesise "$work/music"
  fi
  [ -d $music ] || mv "$work/music" $music # whole or not at all
fi
echo "$PWD/$music"
