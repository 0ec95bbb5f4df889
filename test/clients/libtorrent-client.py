"""A BitTorrent client with one torrent, for tests: libtorrent with all its ways to find peers but the tracker off.

usage: libtorrent-client.py HOST PORT TORRENT FOLDER

Listens at HOST:PORT; the content is in FOLDER or comes there. Prints one JSON object a line: {"event": "complete"},
{"event": "scraped", "seeders": N, "leechers": N, "completed": N}. Reads one word a line: "announce" again, "scrape",
"pause", which says goodbye to the tracker. Ends with its stdin.
"""

import json
import queue
import sys
import threading

import libtorrent

POLL_MS = 100
ALL_TRACKERS = -1
FAILURES = (libtorrent.tracker_error_alert, libtorrent.scrape_failed_alert, libtorrent.listen_failed_alert)


def main(host, port, torrent, folder):
    session = libtorrent.session(settings(host, port))
    parameters = libtorrent.add_torrent_params()
    parameters.ti = libtorrent.torrent_info(torrent)
    parameters.save_path = folder
    # It starts at once, and stays as it is told.
    parameters.flags &= ~(libtorrent.torrent_flags.paused | libtorrent.torrent_flags.auto_managed)
    handle = session.add_torrent(parameters)

    words = queue.SimpleQueue()
    threading.Thread(target=read_words, args=(words,), daemon=True).start()
    while True:
        session.wait_for_alert(POLL_MS)
        for alert in session.pop_alerts():
            report(alert, handle)
        while not words.empty():
            word = words.get()
            if word == "announce":
                handle.force_reannounce(0, ALL_TRACKERS, libtorrent.reannounce_flags_t.ignore_min_interval)
            elif word == "scrape":
                handle.scrape_tracker()
            elif word == "pause":
                handle.pause()
            elif word == "end":
                return


def settings(host, port):
    brackets = f"[{host}]" if ":" in host else host
    return {
        "listen_interfaces": f"{brackets}:{port}",
        "alert_mask": libtorrent.alert.category_t.tracker_notification
        | libtorrent.alert.category_t.status_notification
        | libtorrent.alert.category_t.error_notification,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_natpmp": False,
        "enable_upnp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        # Of a tracker on a loopback address it asks /announce only, unless told that it is no trick of a web page.
        "ssrf_mitigation": False,
    }


def report(alert, handle):
    if isinstance(alert, libtorrent.torrent_finished_alert):
        say("complete")
    elif isinstance(alert, libtorrent.scrape_reply_alert):
        # What a scrape says of completed downloads is kept with the tracker only.
        (endpoint,) = handle.trackers()[0]["endpoints"]
        completed = endpoint["info_hashes"][0]["scrape_downloaded"]
        say("scraped", seeders=alert.complete, leechers=alert.incomplete, completed=completed)
    elif isinstance(alert, FAILURES):
        print(alert.message(), file=sys.stderr, flush=True)


def say(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


def read_words(words):
    for line in sys.stdin:
        words.put(line.strip())
    words.put("end")


main(*sys.argv[1:])
