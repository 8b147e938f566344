#!/bin/sh
# Makes Redis's password on the first start, and gives it to Redis and to the sidecars in files that only they can read.
# daprd has no shell and would take the password from its environment, where `docker inspect` shows it; so it gets the
# components of the folder $1 with the password filled in, and a configuration that sends its traces to Jaeger. They are
# filled in anew at every `docker compose up`.
set -eu
umask 077

# give GROUP FILE: whole at once, readable for the group, out of nobody's hands
give() {
  cat >"$2.new"
  chown "0:$1" "$2.new"
  chmod 440 "$2.new"
  mv "$2.new" "$2"
}

password=/redis/password.conf
if [ ! -s $password ]; then
  printf 'requirepass %s\n' "$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')" | give 1000 $password
fi
secret=$(cut -d ' ' -f 2 $password)

traces='samplingRate: "1"\n    otel: {protocol: http, endpointAddress: "jaeger:4318", isSecure: false}'
for component in "$1"/*.yaml; do
  filled=$(sed -e "s/envRef: REDIS_PASSWORD *\$/value: \"$secret\"/" -e "s/samplingRate: \"0\"/$traces/" "$component")
  printf '%s\n' "$filled" | give 65532 "/components/${component##*/}"
done
for old in /components/*.yaml; do
  [ -e "$1/${old##*/}" ] || rm "$old"
done

chmod 755 /redis /components
chown 65532:65532 /scheduler # a new volume belongs to root
