"""Makes torrent files with libtorrent.

usage: make-torrents.py JSON

JSON: {"paths": [PATH], "folder": FOLDER, "trackers": [URL], "pieceBytes": N, "format": FORMAT, "isPrivate": BOOL}
FORMAT: "v1", "padded" (version 1 with pad files), "hybrid" (versions 1 and 2), "v2".

Each is written to FOLDER, by the name of its content.
"""

import json
import os
import sys

import libtorrent

FORMATS = {
    "v1": libtorrent.create_torrent.v1_only,
    "padded": libtorrent.create_torrent.v1_only | libtorrent.create_torrent.canonical_files,
    "hybrid": 0,
    "v2": libtorrent.create_torrent_flags_t.v2_only,
}


def main(text):
    given = json.loads(text)
    for path in given["paths"]:
        storage = libtorrent.file_storage()
        libtorrent.add_files(storage, path)
        torrent = libtorrent.create_torrent(storage, given["pieceBytes"], FORMATS[given["format"]])
        for tier, url in enumerate(given["trackers"]):
            torrent.add_tracker(url, tier)
        torrent.set_priv(given["isPrivate"])
        libtorrent.set_piece_hashes(torrent, os.path.dirname(path))
        with open(os.path.join(given["folder"], os.path.basename(path) + ".torrent"), "wb") as file:
            file.write(libtorrent.bencode(torrent.generate()))


main(*sys.argv[1:])
