"""A libtorrent session with any number of torrents, for tests.

usage: libtorrent-session.py SETTINGS

SETTINGS is a JSON object for libtorrent's settings pack; "peer_log": true makes it print what peers say to each other,
"torrent_upload_rate" is a limit for each torrent, bytes a second: that of the session does not count on a local network.
Reads one JSON object a line, each with an "id", and prints {"id": ..., "result": ...} for it, or "error":

{"do": "add", "torrent": FILE or "magnet": LINK, "folder": FOLDER}
{"do": "complete", "sha1": HEX}            whether all of it is there
{"do": "peers", "sha1": HEX}               whom it is connected to, and how
{"do": "connect", "sha1": HEX, "host": HOST, "port": PORT}

Prints {"wire": TEXT} of each message to and from peers, when that is asked for. Ends with its stdin.
"""

import json
import queue
import sys
import threading

import libtorrent

POLL_MS = 50
FLAGS = ("handshake", "connecting", "interesting", "choked", "remote_interested", "remote_choked", "seed", "upload_only",
         "outgoing_connection", "rc4_encrypted", "plaintext_encrypted", "supports_extensions")
SOURCES = ("tracker", "pex", "dht", "lsd", "resume_data")
# Not in the Python binding of 2.0.
UTP_SOCKET = 1 << 17


def main(given):
    given = json.loads(given)
    category = libtorrent.alert.category_t
    mask = category.error_notification | category.status_notification | category.tracker_notification
    if given.pop("peer_log", False):
        mask |= category.peer_log_notification
    upload_rate = given.pop("torrent_upload_rate", 0)
    session = libtorrent.session({**given, "alert_mask": mask, "alert_queue_size": 100_000})
    torrents = {}
    words = queue.SimpleQueue()
    threading.Thread(target=read_words, args=(words,), daemon=True).start()
    say(event="ready")
    while True:
        session.wait_for_alert(POLL_MS)
        for alert in session.pop_alerts():
            report(alert)
        while not words.empty():
            word = words.get()
            if word is None:
                return
            try:
                say(id=word["id"], result=WORDS[word["do"]](session, torrents, {**word, "uploadRate": upload_rate}))
            except Exception as error:
                say(id=word["id"], error=repr(error))


def add(session, torrents, word):
    if "torrent" in word:
        parameters = libtorrent.add_torrent_params()
        parameters.ti = libtorrent.torrent_info(word["torrent"])
    else:
        parameters = libtorrent.parse_magnet_uri(word["magnet"])
    parameters.save_path = word["folder"]
    # It starts at once, and stays as it is told.
    parameters.flags &= ~(libtorrent.torrent_flags.paused | libtorrent.torrent_flags.auto_managed)
    handle = session.add_torrent(parameters)
    handle.set_upload_limit(word["uploadRate"])
    torrents[str(handle.info_hashes().v1)] = handle


def complete(_, torrents, word):
    status = torrents[word["sha1"]].status()
    # Before there is metadata a torrent without files counts as finished.
    return status.has_metadata and status.is_seeding


def peers(_, torrents, word):
    return [
        {
            "host": peer.ip[0],
            "port": peer.ip[1],
            "client": peer.client.decode(errors="replace"),
            "utp": bool(peer.flags & UTP_SOCKET),
            "flags": [flag for flag in FLAGS if peer.flags & getattr(libtorrent.peer_info, flag)],
            "sources": [source for source in SOURCES if peer.source & getattr(libtorrent.peer_info, source)],
        }
        for peer in torrents[word["sha1"]].get_peer_info()
    ]


def connect(_, torrents, word):
    torrents[word["sha1"]].connect_peer((word["host"], word["port"]))


WORDS = {"add": add, "complete": complete, "peers": peers, "connect": connect}


def report(alert):
    if isinstance(alert, libtorrent.peer_log_alert):
        say(wire=alert.message())
    elif isinstance(alert, (libtorrent.tracker_error_alert, libtorrent.listen_failed_alert, libtorrent.torrent_error_alert)):
        print(alert.message(), file=sys.stderr, flush=True)


def say(**line):
    print(json.dumps(line), flush=True)


def read_words(words):
    for line in sys.stdin:
        words.put(json.loads(line))
    words.put(None)


main(*sys.argv[1:])
