#!/usr/bin/env bash
# vigie at work, in one command: deploy/demo.sh
#
# On a Debian 12 with Rust it installs by apt what is missing, builds vigie, starts a real Dovecot and a real Postfix for
# itself on free loopback ports, starts vigie with the shipped configuration, and plays ten days of May 2026 in two
# mailboxes. It then shows what came of it, checks it against what had to come, stops everything and keeps the folder.
#
# The ten days take less than a minute: the two servers and vigie, and they alone, live at a clock of their own, set by
# libfaketime. vigie itself has no such switch; the machine's clock is left alone.
set -euo pipefail
export LC_ALL=C
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib-servers.sh
. "$ROOT/deploy/lib-servers.sh"

PACKAGES=(dovecot-imapd dovecot-lmtpd postfix libfaketime openssl)
DOMAIN=prefecture.example.org
PAN=pref-pan@$DOMAIN
ETR=pref-etrangers@$DOMAIN
AGENTS_PAN=agents.citoyennete@$DOMAIN
HEAD_PAN=chef.citoyennete@$DOMAIN
QUALITY=qualite@$DOMAIN
SENT="Éléments envoyés"

usage() {
  cat <<END
usage: deploy/demo.sh [--dir FOLDER] [--keep]
       deploy/demo.sh --stop FOLDER

  --dir FOLDER   use this folder, new or empty, instead of a temporary one
  --keep         leave vigie and its servers running at the end
  --stop FOLDER  stop what a run with --keep left running
END
}

say() { printf '\n\033[1m==> %s\033[0m\n' "$*"; }
title() { printf '\n\033[1m──── %s ────\033[0m\n\n' "$*"; }
[ -t 1 ] || {
  say() { printf '\n==> %s\n' "$*"; }
  title() { printf '\n──── %s ────\n\n' "$*"; }
}
fail() { lib_fail "$*"; }

# ---------------------------------------------------------------------------------------------------------- preparation

keep='' folder='' binary='' stop=''
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes ;;
    --dir) folder=${2:?--dir wants a folder}; shift ;;
    --stop) stop=${2:?--stop wants the folder of a demonstration}; shift ;;
    # Only this script gives it to itself, when it goes on as root.
    --built) binary=${2:?}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

stop_demo() {
  STATE=$(cd "$stop" 2>/dev/null && pwd) || fail "there is no folder $stop"
  [ -e "$STATE/demo" ] || fail "$STATE is not the folder of a demonstration"
  if [ ! -s "$STATE/pids" ]; then echo "nothing runs for $STATE"; return; fi
  servers_stop
  echo "stopped; $STATE is kept"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

prepare() {
  local found missing=()
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || fail "run this as root: Postfix's master must be, and there is no sudo"
  command -v cargo >/dev/null || fail "cargo is missing: install Rust, https://rustup.rs"
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  say "servers (by apt, where missing; no system service is started): ${PACKAGES[*]} ${missing[*]}"
  as_root "$ROOT/deploy/install-test-servers.sh" "${PACKAGES[@]}" "${missing[@]}"
  say "building vigie: cargo build --release (some minutes the first time)"
  found=$(cd "$ROOT" && cargo build --release --locked --bin vigie --message-format=json-render-diagnostics </dev/null)
  binary=$(sed -n 's/.*"executable":"\([^"]*\/vigie\)".*/\1/p' <<<"$found" | tail -1)
  [ -x "$binary" ] || fail "cargo built no program"
}

make_folder() {
  if [ -n "$folder" ]; then
    STATE=$(cd "$folder" && pwd)
  else
    STATE=$(mktemp -d "${TMPDIR:-/tmp}/vigie-demo.XXXXXX")
  fi
  # The servers' configurations have no quotes, and the path of a socket has 107 octets at most.
  [[ $STATE =~ ^[A-Za-z0-9/._-]{1,70}$ ]] || fail "the folder's path must be short, of letters, digits and /._-: $STATE"
  # The servers change account, and must reach their own folders in it.
  chmod 755 "$STATE"
  touch "$STATE/demo"
  mkdir "$STATE/messages"
  install -m 755 "$binary" "$STATE/vigie.bin"
}

# The shipped configuration, with the addresses of this demonstration's servers. Every other line stays.
configure() {
  local password ca="$STATE/tls/ca.pem"
  cp -r "$ROOT/config" "$STATE/config"
  mkdir -m 700 "$STATE/secrets"
  for password in smtp pref-pan pref-etrangers; do
    echo "essai" >"$STATE/secrets/$password"
  done
  sed -e "s#^url = .*#url = \"$STATE/vigie.db\"#" \
    -e 's#^host = .*#host = "localhost"#' \
    -e "s#^port = 465#port = $SUBMISSIONS_PORT\nca_file = \"$ca\"#" \
    -e "s#^port = 993#port = $IMAPS_PORT\nca_file = \"$ca\"#" \
    -e "s#^login = \"vigie\"#login = \"vigie@$DOMAIN\"#" \
    -e "s#^password_credential = \"\(.*\)\"#password_file = \"$STATE/secrets/\1\"#" \
    -e 's#^mode = "observe"#mode = "acknowledge"#' \
    -e 's#^scan_every = .*#scan_every = "2s"#' \
    -e 's/^# \[ledger\]/[ledger]/' -e 's/^# \(origin = .*\)/\1/' \
    -e "s#^\# key_file = .*#key_file = \"$STATE/seal.key\"#" -e "s#^\# seals = .*#seals = \"$STATE/seals\"#" \
    -e 's#^template = "pref-etrangers"#&\nmode = "acknowledge"\nscan_every = "2s"#' \
    "$ROOT/config/vigie.toml" >"$STATE/config/vigie.toml"
  # A command beside the daemon, at the demonstration's time.
  cat >"$STATE/vigie" <<END
#!/bin/sh
exec env ${CLOCK[*]:0:6} VIGIE_CONFIG="$STATE/config/vigie.toml" "$STATE/vigie.bin" "\$@"
END
  chmod 755 "$STATE/vigie"
}

vigie() { "$STATE/vigie" "$@" </dev/null; }

start_vigie() {
  local pid
  (cd "$STATE" && exec setsid env "${CLOCK[@]}" "$STATE/vigie.bin" run --config "$STATE/config/vigie.toml" \
    </dev/null >>"$STATE/vigie.log" 2>&1) &
  pid=$!
  started vigie "$pid"
  wait_until "vigie watches both mailboxes" $PATIENCE watches_both
}

watches_both() { has_scanned_at 20; }
has_scanned_at() { [ "$(vigie status --format json 2>/dev/null | grep -c "\"last_scan\":\"$1")" -eq 2 ]; }

# ------------------------------------------------------------------------------------------------------------- the play

expected=() # "mailbox message-id verdict acknowledgement"
story() { printf '  %s  %s\n' "$(TZ=Europe/Paris date -d "$now" '+%a %d/%m %H:%M')" "$*"; }
# A jump of the clock in the middle of a delivery would look like a server that was silent for days.
at() {
  now=$1
  [ ! -d "$STATE/postfix" ] || wait_until "Postfix has delivered everything" $PATIENCE queue_is_empty
  clock_set "$now"
}

# A header's text, encoded where it is not ASCII (RFC 2047).
encoded() {
  if [[ $1 =~ ^[\ -~]*$ ]]; then printf '%s' "$1"; else printf '=?utf-8?B?%s?=' "$(printf '%s' "$1" | base64 -w0)"; fi
}

# write ID FROM-NAME FROM-ADDRESS TO SUBJECT BODY [HEADER…]: a message, into messages/ID.eml.
write() {
  local id=$1 name=$2 address=$3 to=$4 subject=$5 body=$6
  shift 6
  {
    printf 'From: %s <%s>\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%s>\n' "$(encoded "$name")" "$address" "$to" \
      "$(encoded "$subject")" "$(LC_ALL=C TZ=Europe/Paris date -R -d "$now")" "$id"
    [ $# -eq 0 ] || printf '%s\n' "$@"
    printf 'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n' "$body"
  } >"$STATE/messages/$id.eml"
}

name_of() { if [ "$1" = "$PAN" ]; then echo pref-pan; else echo pref-étrangers; fi; }

# line_of LISTING ID: the line of a listing in JSON that is about a Message-ID. (No `grep -q` behind a pipe: it would
# end what writes into it, and pipefail would take that for a failure.)
line_of() { grep -F "\"message_id\":\"$2\"" <<<"$1"; }
is_recorded() { [[ $(vigie messages --mailbox "$1" --format json) == *"\"message_id\":\"$2\""* ]]; }
is_acknowledged() {
  [[ $(line_of "$(vigie requests --mailbox "$1" --format json)" "$2") == *'"acknowledgement":"sent"'* ]]
}

# arrive MAILBOX ID VERDICT ACKNOWLEDGEMENT [SENDER]: the message comes in by Postfix; what vigie must make of it.
arrive() {
  local mailbox=$1 id=$2 name sender
  name=$(name_of "$mailbox")
  sender=${5-$(sed -n 's/^From: .*<\(.*\)>$/\1/p;/^$/q' "$STATE/messages/$id.eml")}
  deliver "$sender" "$mailbox" "$STATE/messages/$id.eml"
  expected+=("$name $id $3 $4")
  [ -s "$STATE/vigie.log" ] || return 0
  wait_until "$id is recorded in $name" $PATIENCE is_recorded "$name" "$id"
  [ "$4" != send ] || wait_until "$id is acknowledged" $PATIENCE is_acknowledged "$name" "$id"
}

reference_of() { line_of "$(vigie requests --format json)" "$1" | sed 's/.*"reference":"\([^"]*\)".*/\1/'; }

# received ADDRESS: the files that the address received, as Dovecot keeps them.
received() {
  local files=("$STATE/mail/$1/Maildir/new"/*)
  [ ! -e "${files[0]}" ] || printf '%s\n' "${files[@]}"
}
first_received() { received "$1" | sed -n 1p; }
count_received() { received "$1" | wc -l; }
has_received() { [ "$(count_received "$1")" -ge "$2" ]; }
header() { sed -n "s/^$2: //Ip;/^$/q" "$1"; }

# reply_of_agent MAILBOX ID TO OF: an agent answers from the mailbox's ordinary mail client, which keeps a copy in Sent.
reply_of_agent() {
  local mailbox=$1 id=$2
  deliver "$mailbox" "$3" "$STATE/messages/$id.eml"
  doveadm_ save -u "$mailbox" -m "$SENT" <"$STATE/messages/$id.eml"
  expected+=("$(name_of "$mailbox") $id reply none")
  wait_until "the reply $id is seen" $PATIENCE is_recorded "$(name_of "$mailbox")" "$id"
}

# The requests of a morning wake vigie at its new time; the digest of the day has left when the agents have it.
digests=0
morning() {
  digests=$((digests + 1))
  wait_until "the morning digest $digests" 400 has_digests
}
has_digests() { [ "$(grep -lF 'X-Vigie: digest' "$STATE/mail/$AGENTS_PAN/Maildir/new/"* 2>/dev/null | wc -l)" -ge "$digests" ]; }

play_before() {
  local n
  for n in 1 2 3; do
    at "2026-04-2$n 10:0$n"
    write "avril$n@example.net" "Ancien Usager" "ancien$n@example.net" "$PAN" "Question $n d'avril" "Bonjour, une question."
    arrive "$PAN" "avril$n@example.net" request withhold
  done
  story "three messages of April lie in pref-pan before vigie comes: recorded, never acknowledged"
}

play_monday() {
  at "2026-05-04 08:35"
  write alice1@example.net "Alice Martin" alice.martin@example.net "$PAN" "Permis de conduire : demande bloquée" \
    "Bonjour, le site me demande un justificatif que j'ai déjà envoyé. Pouvez-vous m'aider ? Alice Martin"
  story "a usager writes to pref-pan"
  arrive "$PAN" alice1@example.net request send
  morning
  at "2026-05-04 09:40"
  write karim1@example.com "Karim Benali" karim.benali@example.com "$ETR" "Renouvellement de mon titre de séjour" \
    "Madame, Monsieur, mon titre expire le 30 juin. Comment obtenir un rendez-vous ? Cordialement, K. Benali"
  story "a usager writes to pref-étrangers"
  arrive "$ETR" karim1@example.com request send
  at "2026-05-04 10:15"
  write mairie1@example.org "Mairie de Saint-Exemple" secretariat@mairie-saint-exemple.example.org "$PAN" \
    "Délibération du 28 avril : demande de conseil" "Bonjour, M. le maire souhaite connaître la procédure. Le secrétariat"
  story "a mairie asks pref-pan for advice; nobody will answer"
  arrive "$PAN" mairie1@example.org request send
  at "2026-05-04 11:00"
  write lettre1@example.com "La lettre des territoires" lettre@actu.example.com "$PAN" "Cette semaine dans les territoires" \
    "Toute l'actualité." "List-Unsubscribe: <mailto:stop@actu.example.com>" "Precedence: bulk"
  story "a newsletter"
  arrive "$PAN" lettre1@example.com bulk none
  at "2026-05-04 14:10"
  local acknowledgement
  acknowledgement=$(first_received secretariat@mairie-saint-exemple.example.org)
  write absence1@example.org "Mairie de Saint-Exemple" secretariat@mairie-saint-exemple.example.org "$PAN" \
    "Absence du bureau" "Le secrétariat est fermé jusqu'au 11 mai." "Auto-Submitted: auto-replied" \
    "In-Reply-To: $(header "$acknowledgement" Message-ID)"
  story "the mairie's out-of-office answers our acknowledgement"
  arrive "$PAN" absence1@example.org automated none ""
  at "2026-05-04 15:30"
  write lucie1@example.com "Lucie Petit" lucie.petit@fournisseur.example.com "$ETR" "Attestation d'hébergement" \
    "Bonjour, quels documents faut-il pour héberger ma cousine ? Lucie Petit"
  story "a usager whose address does not work"
  arrive "$ETR" lucie1@example.com request send
  at "2026-05-04 15:31"
  write_bounce "$(first_received lucie.petit@fournisseur.example.com)"
  story "her provider reports that our acknowledgement could not be delivered"
  arrive "$ETR" rapport1@fournisseur.example.com bounce none ""
}

# A delivery report about one of our acknowledgements, to the address in its From header: the reverse-path being null, a
# server that keeps to RFC 3461 sends none, but many do.
write_bounce() {
  local b="=_rapport"
  {
    printf 'From: Mail Delivery System <MAILER-DAEMON@fournisseur.example.com>\nTo: %s\nSubject: Undelivered Mail Returned to Sender\n' "$ETR"
    printf 'Date: %s\nMessage-ID: <rapport1@fournisseur.example.com>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n' \
      "$(LC_ALL=C TZ=Europe/Paris date -R -d "$now")"
    printf 'Content-Type: multipart/report; report-type=delivery-status; boundary="%s"\n\n' "$b"
    printf -- '--%s\nContent-Type: text/plain\n\nThe mailbox does not exist.\n\n' "$b"
    printf -- '--%s\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.fournisseur.example.com\n\n' "$b"
    printf 'Final-Recipient: rfc822; lucie.petit@fournisseur.example.com\nAction: failed\nStatus: 5.1.1\n\n'
    printf -- '--%s\nContent-Type: text/rfc822-headers\n\n' "$b"
    sed '/^\r\?$/Q' "$1"
    printf '\n--%s--\n' "$b"
  } >"$STATE/messages/rapport1@fournisseur.example.com.eml"
}

play_tuesday() {
  at "2026-05-05 08:40"
  write asso1@example.org "Association Entraide" contact@entraide.example.org "$ETR" "Réclamation : trois appels sans réponse" \
    "Madame, Monsieur, votre standard n'a pas répondu à trois reprises. La présidente"
  story "a complaint of an association"
  arrive "$ETR" asso1@example.org request send
  morning
  at "2026-05-05 10:20"
  write alice2@example.net "Alice Martin" alice.martin@example.net "$PAN" "Re: Permis de conduire : demande bloquée" \
    "J'ai oublié mon numéro de dossier : 12345." "In-Reply-To: <alice1@example.net>" "References: <alice1@example.net>"
  story "the first usager adds something: no second acknowledgement"
  arrive "$PAN" alice2@example.net follow_up none
  at "2026-05-05 11:00"
  write reponse1@prefecture.example.org "Bureau des étrangers" "$ETR" karim.benali@example.com \
    "Re: Renouvellement de mon titre de séjour" "Monsieur, les rendez-vous se prennent en ligne. Cordialement." \
    "In-Reply-To: <karim1@example.com>" "References: <karim1@example.com>"
  story "an agent answers K. Benali from the mail client: the copy in Sent proves it"
  reply_of_agent "$ETR" reponse1@prefecture.example.org karim.benali@example.com
  at "2026-05-05 14:30"
  write interne1@prefecture.example.org "Bureau de la citoyenneté" "$HEAD_PAN" "$PAN" "Planning de la semaine" "Voici le planning."
  story "a colleague writes to pref-pan"
  arrive "$PAN" interne1@prefecture.example.org internal none
}

play_wednesday() {
  at "2026-05-06 08:45"
  write karim2@example.com "Karim Benali" karim.benali@example.com "$ETR" "Re: Renouvellement de mon titre de séjour" \
    "Merci, mais aucun rendez-vous n'est proposé avant juillet. Que faire ?" \
    "In-Reply-To: <reponse1@prefecture.example.org>" "References: <karim1@example.com> <reponse1@prefecture.example.org>"
  story "K. Benali writes again after the answer: a new request, acknowledged"
  arrive "$ETR" karim2@example.com request_again send
  morning
  at "2026-05-06 09:15"
  story "an agent answered A. Martin by telephone: vigie request answer … --by phone"
  vigie request answer "$(reference_of alice1@example.net)" --by phone --agent "M. Durand" >/dev/null
  at "2026-05-06 14:00"
  write bruno1@example.net "Bruno Lefèvre" bruno.lefevre@example.net "$PAN, $ETR" "Où déposer mon dossier ?" \
    "Bonjour, je ne sais pas à qui m'adresser. B. Lefèvre"
  story "one message to both mailboxes: one acknowledgement"
  arrive "$PAN" bruno1@example.net request send
  arrive "$ETR" bruno1@example.net duplicate none
}

play_to_the_limit() {
  at "2026-05-07 08:40"
  write nadia1@example.com "Nadia Haddad" nadia.haddad@example.com "$ETR" "Changement d'adresse" "Bonjour, j'ai déménagé. N. Haddad"
  story "two working days before the first limits: the agents are warned"
  arrive "$ETR" nadia1@example.com request send
  morning
  at "2026-05-07 16:50"
  write paul1@example.net "Paul Leroy" paul.leroy@example.net "$PAN" "Carte grise" "Bonjour, je n'ai rien reçu. P. Leroy"
  story "a request on the eve of 8 May: five working days lead to 18 May, over a holiday, a weekend and Ascension Day"
  arrive "$PAN" paul1@example.net request send
  at "2026-05-08 10:00"
  write emma1@example.com "Emma Roux" emma.roux@example.com "$ETR" "Visa de retour" "Bonjour, mon visa a expiré. E. Roux"
  story "8 May, a public holiday: the acknowledgement leaves, no alert and no digest do"
  arrive "$ETR" emma1@example.com request send
  at "2026-05-11 08:40"
  write hugo1@example.net "Hugo Blanc" hugo.blanc@example.net "$PAN" "Rendez-vous passeport" "Bonjour, est-ce possible en mai ? H. Blanc"
  story "one working day before the limits"
  arrive "$PAN" hugo1@example.net request send
  morning
  at "2026-05-11 10:00"
  write reponse2@prefecture.example.org "Point d'accueil numérique" "$PAN" bruno.lefevre@example.net "Re: Où déposer mon dossier ?" \
    "Monsieur, à l'accueil, sur rendez-vous." "In-Reply-To: <bruno1@example.net>" "References: <bruno1@example.net>"
  story "an agent answers B. Lefèvre"
  reply_of_agent "$PAN" reponse2@prefecture.example.org bruno.lefevre@example.net
  at "2026-05-12 08:40"
  write ines1@example.net "Inès Morel" ines.morel@example.net "$PAN" "Attestation perdue" "Bonjour, comment obtenir un double ? I. Morel"
  story "the day of the first limits: the heads of bureau are warned too"
  arrive "$PAN" ines1@example.net request send
  morning
  at "2026-05-12 11:30"
  story "L. Petit, whose address does not work, is answered by letter: vigie request answer … --by letter"
  vigie request answer "$(reference_of lucie1@example.com)" --by letter --agent "Mme Caron" >/dev/null
  at "2026-05-13 08:40"
  write tom1@example.com "Tom Garcia" tom.garcia@example.com "$ETR" "Duplicata" "Bonjour, j'ai perdu ma carte. T. Garcia"
  story "the mairie's request is late: agents, head and quality officer are warned"
  arrive "$ETR" tom1@example.com request send
  morning
  wait_until "the warning of the late request" 400 has_received "$QUALITY" 1
}

# ------------------------------------------------------------------------------------------------------------ the show

# A mail as a person reads it: the plain text, decoded.
readable() {
  awk 'BEGIN { RS = "\r?\n" } /^Content-Type: text\/html/ { exit } body && !/^--/ { print } /^$/ && text { body = 1 }
    /^Content-Type: text\/plain/ { text = 1 }' "$1" | { if grep -qi '^Content-Transfer-Encoding: base64' "$1"; then base64 -di; else unquoted; fi; }
}
# Quoted-printable, undone (RFC 2045 §6.7): lines that end with "=" go on, "=C3" is an octet.
unquoted() {
  local text
  text=$(sed -e 's/\\/\\\\/g' -e ':more' -e '/=$/{N;s/=\n//;bmore' -e '}' -e 's/=\([0-9A-F][0-9A-F]\)/\\x\1/g')
  printf '%b\n' "$text"
}

show_mail() {
  sed '/^\r\?$/Q' "$1"
  printf '\n'
  readable "$1"
}

show() {
  title "an acknowledgement, as the mairie received it"
  show_mail "$(first_received secretariat@mairie-saint-exemple.example.org)"
  title "the alert of the late request, as the quality officer received it"
  show_mail "$(first_received "$QUALITY")"
  title "vigie messages"
  vigie messages
  title "vigie requests"
  vigie requests
  title "vigie request show $(reference_of mairie1@example.org)"
  vigie request show "$(reference_of mairie1@example.org)"
  title "vigie status"
  vigie status
  title "vigie ledger verify"
  vigie ledger verify
}

# ---------------------------------------------------------------------------------------------------------- the verdict

faults=0
fault() { printf '  WRONG  %s\n' "$*"; faults=$((faults + 1)); }

# Every message has the verdict that it had to get.
check_messages() {
  local listing one line name id verdict acknowledgement
  listing=$(vigie messages --format json)
  for one in "${expected[@]}"; do
    read -r name id verdict acknowledgement <<<"$one"
    line=$(line_of "$listing" "$id" | grep -F "\"mailbox\":\"$name\"") || true
    [[ $line == *"\"verdict\":\"$verdict\""* && $line == *"\"acknowledgement\":\"$acknowledgement\""* ]] ||
      fault "$id in $name is not $verdict/$acknowledgement: ${line:-not recorded}"
  done
  [ "$(wc -l <<<"$listing")" -eq ${#expected[@]} ] || fault "vigie has $(wc -l <<<"$listing") messages, not ${#expected[@]}"
}

# One acknowledgement for each message that had to get one, to its author, in its thread, and none besides.
check_acknowledgements() {
  local one name id verdict acknowledgement author found
  wanted=0
  sent=$(grep -lF 'X-Vigie: acknowledgement' "$STATE"/mail/*/Maildir/new/* | wc -l)
  for one in "${expected[@]}"; do
    read -r name id verdict acknowledgement <<<"$one"
    [ "$acknowledgement" = send ] || continue
    wanted=$((wanted + 1))
    author=$(sed -n 's/^From: .*<\(.*\)>$/\1/p;/^$/q' "$STATE/messages/$id.eml")
    found=$(received "$author" | xargs -r grep -lF "In-Reply-To: <$id>" | xargs -r grep -lF 'X-Vigie: acknowledgement' | wc -l)
    [ "$found" -eq 1 ] || fault "$author received $found acknowledgements of $id"
  done
  [ "$sent" -eq "$wanted" ] || fault "$sent acknowledgements left, not $wanted"
}

check_alerts() {
  local late
  late=$(reference_of mairie1@example.org)
  alerts=$(grep -rlF 'X-Vigie: alert' "$STATE/mail/$AGENTS_PAN/Maildir/new" | wc -l)
  # Two days before, one day before, the day itself, and late.
  [ "$alerts" -ge 4 ] || fault "the agents of pref-pan received $alerts alerts, not 4"
  [[ $(show_mail "$(first_received "$QUALITY")") == *"$late"* ]] || fault "the quality officer's alert does not name $late"
  [ "$(grep -lF 'X-Vigie: alert' "$STATE/mail/$AGENTS_PAN/Maildir/new/"* | xargs grep -lE '^Date: Fri, 8 May' | wc -l)" -eq 0 ] ||
    fault "an alert left on 8 May"
}

check_requests() {
  local id listing
  listing=$(vigie requests --format json)
  for id in alice1@example.net karim1@example.com bruno1@example.net lucie1@example.com; do
    [[ $(line_of "$listing" "$id") == *'"status":"answered"'* ]] || fault "$id is not answered"
  done
  [[ $(line_of "$listing" paul1@example.net) == *'"due_on":"2026-05-18"'* ]] ||
    fault "paul1@example.net is not due on 18 May"
}

verdict() {
  title "is it as it had to be?"
  check_messages
  check_acknowledgements
  check_alerts
  check_requests
  [[ $(vigie ledger verify --format json) == *'"ok":true'* ]] || fault "the ledger does not verify"
  seals=$(find "$STATE/seals" -name '*.seal' | wc -l)
  [ "$seals" -ge "$digests" ] || fault "the ledger was sealed $seals times, not each of $digests mornings"
  [ "$faults" -eq 0 ] || fail "$faults things are not as they had to be; everything is kept in $STATE"
  printf '  %d messages, each with the verdict it had to get\n' ${#expected[@]}
  printf '  %d acknowledgements wanted, %d sent, none wrong\n' "$wanted" "$sent"
  printf '  %d digests and %d alerts to the agents of pref-pan, none on the public holiday\n' "$digests" "$alerts"
  printf '  the ledger verifies, and holds against %d seals\n' "$seals"
}

look_further() {
  title "to look further"
  cat <<END
  $STATE/vigie requests --status open
  $STATE/vigie messages --mailbox pref-pan --format json
  $STATE/vigie request show $(reference_of paul1@example.net)
  $STATE/vigie ledger show
  $STATE/vigie explain $STATE/messages/lettre1@example.com.eml --mailbox pref-pan
  diff config/vigie.toml $STATE/config/vigie.toml      what differs from the shipped configuration
  $STATE/mail/ADDRESS/Maildir/new/                     what each correspondent received

$STATE/vigie is vigie at the demonstration's time; elsewhere it is: vigie requests --config /etc/vigie/vigie.toml
END
  if [ -n "$keep" ]; then
    printf '\nEverything runs on: stop it by\n\n  %s --stop %s\n' "$ROOT/deploy/demo.sh" "$STATE"
  else
    printf '\nEverything is stopped; the folder stays until you remove it: rm -r %s\n' "$STATE"
  fi
}

# Whatever ends this program ends what it started, and nothing else.
finish() {
  local code=$?
  trap - EXIT
  if [ -z "$keep" ] || [ "$code" -ne 0 ]; then
    servers_stop
    [ "$code" -eq 0 ] || printf 'demo.sh: failed after %d s; the logs are in %s\n' $SECONDS "$STATE" >&2
  fi
  exit "$code"
}

if [ -n "$stop" ]; then
  if [ "$(id -u)" -ne 0 ]; then exec sudo bash "$ROOT/deploy/demo.sh" --stop "$stop"; fi
  stop_demo
  exit
fi
if [ -n "$folder" ]; then
  mkdir -p "$folder"
  [ -z "$(ls -A "$folder")" ] || fail "$folder is not empty"
fi
[ -n "$binary" ] || prepare
if [ "$(id -u)" -ne 0 ]; then
  say "Postfix's master must be root: going on with sudo"
  exec sudo env "TMPDIR=${TMPDIR:-/tmp}" bash "$ROOT/deploy/demo.sh" --built "$binary" ${keep:+--keep} ${folder:+--dir "$folder"}
fi

make_folder
SECONDS=0
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
at "2026-04-20 09:00"
clock_use
say "in $STATE: a certification authority, Dovecot and Postfix on free ports of 127.0.0.1"
make_ca
dovecot_start sdbox "$PAN:essai" "$ETR:essai" "vigie@$DOMAIN:essai"
postfix_start "$DOMAIN"
configure
echo "Dovecot: IMAPS $IMAPS_PORT, LMTP $LMTP_PORT; Postfix: MX $MX_PORT, submission $SUBMISSIONS_PORT"
say "ten days of May 2026, at a clock that only these servers and vigie see (libfaketime)"
play_before
at "2026-05-04 08:15"
story "vigie ledger key: the public half is for the auditor"
vigie ledger key
story "vigie check"
vigie check
story "vigie begins to watch; both mailboxes are in mode \"acknowledge\" here, \"observe\" is the default"
start_vigie
play_monday
play_tuesday
play_wednesday
play_to_the_limit
wait_until "the folders are scanned on the last day" $PATIENCE has_scanned_at "${now% *}"
show
verdict
[ -n "$keep" ] || servers_stop
look_further
say "played, shown and checked in $SECONDS s"
