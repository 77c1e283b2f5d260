#!/usr/bin/env bash
# Peer baseline: messages/s through smtp-source -> Postfix (fsync before 250) -> OpenDKIM (RSA-2048) -> smtp-sink, on this machine.
# Needs (as root): apt-get install -y postfix opendkim opendkim-tools
# usage: peer.sh [MESSAGES=5000] [SIGN=yes|no] [BYTES=4000] ; prints one JSON line
set -eu
N=${1:-5000}; SIGN=${2:-yes}; LEN=${3:-4000}
W=/var/lib/peer; mkdir -p $W && chmod 755 $W && chown opendkim $W
CONF=$W/postfix; rm -rf $CONF; cp -r /etc/postfix $CONF
postfix -c $CONF stop >/dev/null 2>&1 || true
cat > $CONF/main.cf <<C
compatibility_level = 3.6
queue_directory = $W/spool
data_directory = $W/data
maillog_file = $W/mail.log
maillog_file_prefixes = $W
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = peer.test
mydestination =
relayhost = [127.0.0.1]:2630
smtp_destination_concurrency_limit = 50
default_destination_concurrency_limit = 50
initial_destination_concurrency = 20
in_flow_delay = 0
smtp_connection_cache_on_demand = yes
smtp_connection_cache_destinations = [127.0.0.1]:2630
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
C
[ "$SIGN" = yes ] && cat >> $CONF/main.cf <<C
smtpd_milters = unix:$W/milter.sock
milter_default_action = tempfail
C
sed -i 's/^smtp      inet.*smtpd$/127.0.0.1:2525 inet n - n - 100 smtpd/; s/^\(127.0.0.1:2525.*\)$/\1/' $CONF/master.cf
sed -i -E 's/^(\S+\s+\S+\s+\S+\s+\S+\s+)y(\s)/\1n\2/' $CONF/master.cf
mkdir -p $W/spool $W/data; chown postfix $W/data
: > $W/mail.log
if [ "$SIGN" = yes ]; then
  mkdir -p $W/keys; [ -f $W/keys/s1.private ] || opendkim-genkey -b 2048 -d peer.test -s s1 -D $W/keys
  chown -R opendkim $W/keys; chmod 700 $W/keys; chmod 600 $W/keys/*
  cat > $W/opendkim.conf <<C
Mode s
Domain peer.test
Selector s1
KeyFile $W/keys/s1.private
Canonicalization relaxed/simple
Socket local:$W/milter.sock
UMask 000
UserID opendkim
Syslog no
InternalHosts 127.0.0.1
PidFile $W/opendkim.pid
C
  opendkim -x $W/opendkim.conf
fi
mkdir -p $W/dump; chown nobody $W/dump; rm -f $W/dump/*
smtp-sink -u nobody -R $W/dump -D one. 127.0.0.1:2630 20 >/dev/null 2>&1 & SINKD=$!
postfix -c $CONF start >/dev/null 2>&1; sleep 2
smtp-source -s 1 -m 1 -l "$LEN" -f a@peer.test -t b@example.test 127.0.0.1:2525; sleep 1
signed=$(cat $W/dump/one.* | grep -ci '^DKIM-Signature' || true)
kill $SINKD; wait $SINKD 2>/dev/null || true; sleep 0.5
smtp-sink -u nobody 127.0.0.1:2630 512 >/dev/null 2>&1 & SINK=$!
smtp-source -s 10 -m 200 -l "$LEN" -f a@peer.test -t b@example.test -S "warm" 127.0.0.1:2525; sleep 1
left() { find $W/spool/incoming $W/spool/active $W/spool/deferred $W/spool/maildrop -type f 2>/dev/null | wc -l; }
while [ "$(left)" -gt 0 ]; do sleep 0.1; done
before=$(grep -c 'status=sent' $W/mail.log || true)
t0=$(date +%s.%N)
smtp-source -s 20 -m "$N" -l "$LEN" -f a@peer.test -t b@example.test 127.0.0.1:2525
t1=$(date +%s.%N)
while [ "$(left)" -gt 0 ]; do sleep 0.05; done
t2=$(date +%s.%N)
sleep 1
after=$(grep -c 'status=sent' $W/mail.log || true)
postfix -c $CONF stop >/dev/null 2>&1 || true
kill $SINK 2>/dev/null || true
[ -f $W/opendkim.pid ] && kill "$(cat $W/opendkim.pid)" 2>/dev/null || true
python3 - "$N" "$t0" "$t1" "$t2" "$((after-before))" "$SIGN" "$signed" <<'P'
import sys, json
n, t0, t1, t2, sent, sign, signed = sys.argv[1:]
n = int(n); t0, t1, t2 = map(float, (t0, t1, t2))
print(json.dumps({"peer": "postfix" + ("+opendkim" if sign == "yes" else ""), "messages": n, "sent": int(sent), "signatures_in_sample": int(signed),
    "accept_per_s": round(n / (t1 - t0)), "delivered_per_s": round(n / (t2 - t0))}))
P
