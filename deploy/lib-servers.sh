# shellcheck shell=bash
# Real mail servers on free loopback ports, in a folder of their own: sourced by deploy/demo.sh and tests/bench.sh.
#
# The caller sets STATE (a folder, empty, that other accounts may enter) before anything else. What is started here is
# written into $STATE/pids and ends with `servers_stop`; nothing else is ever signalled. No name is resolved and no
# address but 127.0.0.1 is spoken to.

# How long a server may take to answer or to end, in tenths of a second.
PATIENCE=200
# How often a server is started on other ports when one of them was taken meanwhile.
START_TRIES=8
HERE=127.0.0.1

lib_fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# wait_until WHAT TENTHS COMMAND…: tries the command every tenth of a second until it succeeds.
wait_until() {
  local what=$1 tenths=$2 try
  shift 2
  for ((try = 0; try < tenths; try++)); do
    if "$@"; then return 0; fi
    sleep 0.1
  done
  lib_fail "not within $((tenths / 10)) s: $what (see $STATE)"
}

# A system's program, which Debian keeps out of an ordinary user's PATH.
program() {
  local folder
  for folder in ${PATH//:/ } /usr/sbin /usr/bin /sbin /bin /usr/lib/postfix/sbin; do
    if [ -x "$folder/$1" ]; then printf '%s\n' "$folder/$1"; return; fi
  done
  lib_fail "$1 is missing"
}

is_listening() { (exec 3<>"/dev/tcp/$HERE/$1") 2>/dev/null; }

# A port that nobody listens on, below those that the kernel gives to outgoing connections.
free_port() {
  local port try
  for ((try = 0; try < 1000; try++)); do
    port=$((16384 + (RANDOM * 32768 + RANDOM) % 16000))
    is_listening "$port" || { echo "$port"; return; }
  done
  lib_fail "no free port"
}

# ---------------------------------------------------------------------------------------------------------- processes

# started NAME PID: it is ours to end.
started() { printf '%s %s %s\n' "$1" "$2" "$(start_time "$2")" >>"$STATE/pids"; }

# When a process began, in ticks since the machine's start: with the pid, it names a process for good.
start_time() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  # The name in parentheses may hold blanks; the 22nd field is the 20th after it.
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  printf '%s\n' "${20}"
}

is_ours() { [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]; }
is_gone() { ! is_ours "$1" "$2"; }

# stop_one PID START: asks, waits, and puts an end to what remains of its process group.
stop_one() {
  local try
  is_ours "$1" "$2" || return 0
  kill -TERM "$1" 2>/dev/null || true
  for ((try = 0; try < PATIENCE / 2; try++)); do
    is_gone "$1" "$2" && break
    sleep 0.1
  done
  # The servers lead groups of their own (setsid), so this reaches their children and nobody else.
  kill -KILL -- "-$1" 2>/dev/null || true
}

# Ends everything that was started, the last first.
servers_stop() {
  local name pid start
  [ -s "$STATE/pids" ] || return 0
  while read -r name pid start; do stop_one "$pid" "$start"; done < <(tac "$STATE/pids")
  rm -f "$STATE/pids"
  clock_end
}

# ------------------------------------------------------------------------------------------------------------ the clock

# Under libfaketime the programs started here live at another time than the machine; `clock_set` moves it.
# Every reading of the time goes to the file: offsets from the machine's clock are the same for all processes.
CLOCK=()
clock_use() {
  local library name=vigie-${STATE##*/}
  library=$(dpkg-query -L libfaketime | grep '/libfaketimeMT\.so\.1$') || lib_fail "libfaketime is missing"
  CLOCK=("LD_PRELOAD=$library" "FAKETIME_TIMESTAMP_FILE=$STATE/clock" FAKETIME_NO_CACHE=1 FAKE_UTIME=1
    FAKETIME_DONT_FAKE_MONOTONIC=1 "TZ=Europe/Paris")
  # Left to itself the library makes a semaphore for every process, and leaves it behind when the process is ended by a
  # signal. One for all, which every account may use, has a name that `clock_end` knows.
  SHARED=("/dev/shm/sem.$name" "/dev/shm/$name")
  # shellcheck disable=SC2016
  env "${CLOCK[@]}" sh -c 'sem=${FAKETIME_SHARED% *} shm=${FAKETIME_SHARED#* }
    mv "/dev/shm/sem.${sem#/}" "$1" && mv "/dev/shm/${shm#/}" "$2" && chmod 666 "$1" "$2"' sh "${SHARED[@]}" ||
    lib_fail "libfaketime does not work here"
  CLOCK+=("FAKETIME_SHARED=/$name /$name")
}

clock_end() { rm -f "/dev/shm/sem.vigie-${STATE##*/}" "/dev/shm/vigie-${STATE##*/}"; }

# clock_set TIME: from now on it is that time (of Paris), and time goes on from there.
clock_set() {
  printf '%+d\n' $(($(TZ=Europe/Paris date -d "$1" +%s) - $(date +%s))) >"$STATE/clock.new"
  mv "$STATE/clock.new" "$STATE/clock"
}

# at_clock COMMAND…: runs a command at that time.
at_clock() { env "${CLOCK[@]}" "$@"; }

# The names of the variables, for servers that clean their environment.
clock_names() {
  local word
  for word in ${CLOCK[@]+"${CLOCK[@]}"}; do printf ' %s' "${word%%=*}"; done
}

# ------------------------------------------------------------------------------------------------------- certificates

# A certification authority, and a certificate for localhost that it signed.
make_ca() {
  local tls=$STATE/tls
  mkdir -p "$tls"
  {
    at_clock openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=AC d'essai" \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
      -keyout "$tls/ca.key" -out "$tls/ca.pem"
    at_clock openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
      -keyout "$tls/server.key" -out "$tls/server.csr"
    at_clock openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -days 30 \
      -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n') -out "$tls/server.pem"
  } >"$tls/openssl.log" 2>&1 </dev/null || lib_fail "no certificate: see $tls/openssl.log"
}

# ------------------------------------------------------------------------------------------------------------ Dovecot

# dovecot_start FORMAT LOGIN:PASSWORD…: mailboxes in FORMAT (sdbox, maildir) for those who log in; mail for any other
# address goes to a Maildir of its own, $STATE/mail/ADDRESS. Sets IMAP_PORT, IMAPS_PORT, LMTP_PORT, AUTH_PORT.
dovecot_start() {
  local format=$1 user try
  shift
  DOVECOT_USER=$(id -un dovecot)
  mkdir -p "$STATE/dovecot/run" "$STATE/dovecot/state" "$STATE/mail"
  for user in "$@"; do
    printf '%s:{PLAIN}%s:%s:%s::%s::userdb_mail=%s:~/%s\n' "${user%%:*}" "${user#*:}" "$(id -u dovecot)" \
      "$(id -g dovecot)" "$STATE/mail/${user%%:*}" "$format" "$format"
  done >"$STATE/dovecot/users"
  chown -R dovecot: "$STATE/dovecot" "$STATE/mail"
  chown dovecot: "$STATE/tls/server.key"
  for ((try = 0; try < START_TRIES; try++)); do
    IMAP_PORT=$(free_port) IMAPS_PORT=$(free_port) LMTP_PORT=$(free_port) AUTH_PORT=$(free_port)
    dovecot_configuration >"$STATE/dovecot/dovecot.conf"
    if dovecot_try; then return; fi
  done
  lib_fail "Dovecot does not start: see $STATE/dovecot/log"
}

dovecot_try() {
  local pid try
  (cd / && exec setsid setpriv --reuid dovecot --regid dovecot --clear-groups -- env "${CLOCK[@]}" \
    "$(program dovecot)" -F -c "$STATE/dovecot/dovecot.conf" </dev/null >"$STATE/dovecot/out" 2>&1) &
  pid=$!
  for ((try = 0; try < PATIENCE; try++)); do
    if is_listening "$IMAP_PORT"; then started dovecot "$pid"; return 0; fi
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.05
  done
  grep -q 'Address already in use' "$STATE/dovecot/log" "$STATE/dovecot/out" 2>/dev/null ||
    lib_fail "Dovecot does not start: see $STATE/dovecot/log and $STATE/dovecot/out"
  return 1
}

dovecot_configuration() {
  cat <<END
base_dir = $STATE/dovecot/run
state_dir = $STATE/dovecot/state
log_path = $STATE/dovecot/log
info_log_path = $STATE/dovecot/log
debug_log_path = /dev/null
log_timestamp = "%Y-%m-%d %H:%M:%S "
import_environment = TZ$(clock_names)
default_internal_user = $DOVECOT_USER
default_internal_group = $(id -gn dovecot)
default_login_user = $DOVECOT_USER
first_valid_uid = 1
protocols = imap lmtp
listen = $HERE
hostname = imap.prefecture.example.org
ssl = yes
ssl_cert = <$STATE/tls/server.pem
ssl_key = <$STATE/tls/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = username_format=%u $STATE/dovecot/users
}
userdb {
  driver = passwd-file
  args = username_format=%u $STATE/dovecot/users
}
userdb {
  driver = static
  args = uid=$DOVECOT_USER gid=$(id -gn dovecot) home=$STATE/mail/%u allow_all_users=yes
}
mail_location = maildir:~/Maildir
recipient_delimiter = +
namespace inbox {
  inbox = yes
  separator = /
  mailbox "Éléments envoyés" {
    auto = subscribe
    special_use = \Sent
  }
  mailbox Corbeille {
    auto = subscribe
    special_use = \Trash
  }
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = $IMAP_PORT
  }
  inet_listener imaps {
    port = $IMAPS_PORT
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service lmtp {
  chroot =
  inet_listener lmtp {
    address = $HERE
    port = $LMTP_PORT
  }
}
service auth {
  inet_listener {
    address = $HERE
    port = $AUTH_PORT
  }
}
protocol lmtp {
  postmaster_address = postmaster@prefecture.example.org
}
END
}

# doveadm_ ARGUMENT…: doveadm on this Dovecot, as its account, at its time.
doveadm_() {
  (cd / && setpriv --reuid dovecot --regid dovecot --clear-groups -- env "${CLOCK[@]}" \
    "$(program doveadm)" -c "$STATE/dovecot/dovecot.conf" "$@")
}

# ------------------------------------------------------------------------------------------------------------ Postfix

# postfix_start DOMAIN: a mail server for DOMAIN (all its boxes are Dovecot's) that gives every other domain to Dovecot
# as well. Sets MX_PORT and SUBMISSIONS_PORT.
postfix_start() {
  local name try
  mkdir -p "$STATE/postfix/conf" "$STATE/postfix/data" "$STATE/postfix/spool/pid"
  chown postfix: "$STATE/postfix/data"
  for name in active bounce corrupt defer deferred flush hold incoming private saved trace; do
    install -d -o postfix -m 700 "$STATE/postfix/spool/$name"
  done
  install -d -o postfix -g postdrop -m 730 "$STATE/postfix/spool/maildrop"
  install -d -o postfix -g postdrop -m 710 "$STATE/postfix/spool/public"
  postfix_main "$1" >"$STATE/postfix/conf/main.cf"
  for ((try = 0; try < START_TRIES; try++)); do
    MX_PORT=$(free_port) SUBMISSIONS_PORT=$(free_port)
    postfix_master >"$STATE/postfix/conf/master.cf"
    # Postfix waits until a configuration has not changed for two seconds: this one looks old.
    touch -d 2000-01-01 "$STATE/postfix/conf/main.cf" "$STATE/postfix/conf/master.cf"
    if postfix_try; then return; fi
  done
  lib_fail "Postfix does not start: see $STATE/postfix/maillog"
}

postfix_try() {
  local pid try
  # Not `postfix start`: its checks take two seconds. `-d` keeps the server in the group that setsid gives it.
  (cd / && exec setsid env "${CLOCK[@]}" "$(program master)" -d -c "$STATE/postfix/conf" </dev/null \
    >"$STATE/postfix/out" 2>&1) &
  pid=$!
  for ((try = 0; try < PATIENCE; try++)); do
    if is_listening "$MX_PORT"; then started postfix "$pid"; return 0; fi
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.05
  done
  grep -q 'Address already in use' "$STATE/postfix/maillog" "$STATE/postfix/out" 2>/dev/null ||
    lib_fail "Postfix does not start: see $STATE/postfix/maillog and $STATE/postfix/out"
  return 1
}

postfix_main() {
  cat <<END
compatibility_level = 3.6
queue_directory = $STATE/postfix/spool
data_directory = $STATE/postfix/data
maillog_file = $STATE/postfix/maillog
maillog_file_prefixes = $STATE
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME$(clock_names)
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = $HERE
inet_protocols = ipv4
myhostname = mx.$1
mydomain = $1
myorigin = $1
mydestination =
local_recipient_maps =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_transport = error:no local mail
virtual_mailbox_domains = $1
virtual_mailbox_maps = static:dovecot
virtual_transport = lmtp:inet:$HERE:$LMTP_PORT
default_transport = lmtp:inet:$HERE:$LMTP_PORT
relay_transport = lmtp:inet:$HERE:$LMTP_PORT
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_dns_support_level = disabled
lmtp_host_lookup = native
smtputf8_enable = yes
recipient_delimiter = +
mailbox_size_limit = 0
biff = no
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:$HERE:$AUTH_PORT
smtpd_sasl_security_options = noanonymous
smtpd_tls_cert_file = $STATE/tls/server.pem
smtpd_tls_key_file = $STATE/tls/server.key
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_peername_lookup = no
in_flow_delay = 0
END
}

postfix_master() {
  cat <<END
$HERE:$MX_PORT inet n - n - - smtpd
$HERE:$SUBMISSIONS_PORT inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o mynetworks=
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
END
}

queue_is_empty() {
  [ -z "$(find "$STATE"/postfix/spool/{maildrop,incoming,active,deferred} -type f -print -quit)" ]
}

# smtp_say WANTED LINE: sends a line over descriptor 4 and reads the answer, which must begin with WANTED.
smtp_say() {
  local answer
  [ -z "$2" ] || printf '%s\r\n' "$2" >&4
  while IFS= read -r -t 20 answer <&4; do
    [ "${answer:3:1}" = - ] && continue
    [[ $answer == "$1"* ]] || lib_fail "Postfix says to \"$2\": $answer"
    return
  done
  lib_fail "Postfix says nothing to \"$2\""
}

# deliver SENDER RECIPIENT FILE: as another mail server would, over the public port; SENDER may be empty (RFC 5321 §4.5.5).
deliver() {
  exec 4<>"/dev/tcp/$HERE/$MX_PORT"
  smtp_say 220 ""
  smtp_say 250 "EHLO dehors.example.net"
  smtp_say 250 "MAIL FROM:<$1> BODY=8BITMIME"
  smtp_say 250 "RCPT TO:<$2>"
  smtp_say 354 "DATA"
  # Lines end with CRLF, and one that begins with a point gets another (RFC 5321 §4.5.2).
  sed -e 's/\r$//' -e 's/^\./../' -e 's/$/\r/' "$3" >&4
  smtp_say 250 "."
  smtp_say 221 "QUIT"
  exec 4<&-
}
