#!/bin/sh
# region verify
# Verifies a request that was saved: is_genuine BODY_FILE ID TIMESTAMP SIGNATURES SECRETS NOW. Needs openssl.
is_genuine() (
  body=$1 id=$2 timestamp=$3 signatures=$4 secrets=$5 now=$6
  case $timestamp in '' | *[!0-9]* | ????????????*) return 1 ;; esac
  [ -n "$id" ] || return 1
  age=$((now - timestamp))
  [ "$age" -le 300 ] && [ "$age" -ge -300 ] || return 1
  for secret in $secrets; do
    key=$(printf %s "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
    expected=$({ printf '%s.%s.' "$id" "$timestamp"; cat "$body"; } |
      openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
    for signature in $signatures; do
      [ "$signature" = "v1,$expected" ] && return 0
    done
  done
  return 1
)
# endregion verify

set -f
file=$(mktemp)
trap 'rm -f "$file"' EXIT
tab=$(printf '\t')
while IFS=$tab read -r id timestamp signatures secrets now body; do
  [ "$id" = - ] && id=
  [ "$timestamp" = - ] && timestamp=
  [ "$signatures" = - ] && signatures=
  [ "$body" = - ] && body=
  printf %s "$body" | openssl base64 -d -A >"$file"
  if is_genuine "$file" "$id" "$timestamp" "$signatures" "$secrets" "$now"; then echo ok; else echo refused; fi
done
