"""libtorrent as a peer with one torrent, over TCP: libtorrent-peer.py seed|leech HOST PORT TORRENT FOLDER

Everything else is as libtorrent has it by itself. Prints {"event":"ready"} when it can send, {"event":"done"} when it has
everything.
"""

import json
import sys

import libtorrent

POLL_MS = 100


def main(mode, host, port, torrent, folder):
    session = libtorrent.session(settings(host, port))
    parameters = libtorrent.add_torrent_params()
    parameters.ti = libtorrent.torrent_info(torrent)
    parameters.save_path = folder
    # It starts at once, and stays as it is told.
    parameters.flags &= ~(libtorrent.torrent_flags.paused | libtorrent.torrent_flags.auto_managed)
    if mode == "seed":
        parameters.flags |= libtorrent.torrent_flags.seed_mode
    session.add_torrent(parameters)
    if mode == "seed":
        say("ready")
    while True:
        session.wait_for_alert(POLL_MS)
        for alert in session.pop_alerts():
            if mode == "leech" and isinstance(alert, libtorrent.torrent_finished_alert):
                say("done")


def settings(host, port):
    return {
        "listen_interfaces": f"{host}:{port}",
        "alert_mask": libtorrent.alert.category_t.status_notification,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_natpmp": False,
        "enable_upnp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        # Of a tracker on a loopback address it asks /announce only, unless told that it is no trick of a web page.
        "ssrf_mitigation": False,
    }


def say(event):
    print(json.dumps({"event": event}), flush=True)


main(*sys.argv[1:])
