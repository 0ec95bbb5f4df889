/** Every number that bounds the lan transport, in one place. Times in milliseconds of the monotonic clock. */

/** Connections that have not proven the key yet; with one more, the oldest is dropped. */
export const MAX_UNPROVEN = 32;
/** An accepted connection must have finished TLS and handshake by then. */
export const HANDSHAKE_MS = 2_000;
/** So must a dialed one. */
export const DIAL_MS = 2_000;
/** Longest frame before the handshake is over. */
export const MAX_HANDSHAKE_BYTES = 512;
/** Dials under way at a time. */
export const MAX_DIALS = 16;
/** Pause before the second dial in a row; it doubles up to MAX_REDIAL_MS. */
export const REDIAL_MS = 5;
export const MAX_REDIAL_MS = 1_000;
/** How long the one who should not dial first waits for the other's dial. */
export const DIAL_GRACE_MS = 250;
/**
 * A dial that nobody answers for so long is begun anew when its peer is heard: the network may be back, and the system
 * would repeat a lost SYN only after a second.
 */
export const STUCK_DIAL_MS = 200;
/** A connection on which nothing else was sent for so long carries a pulse. */
export const PULSE_MS = 100;
/**
 * A connection silent for so long is stuck if datagrams of its peer arrive: in a retransmission that backs off more and
 * more. After STRANDED_MS, in which a process that was merely stopped would have sent a pulse, a new one is made: that is faster.
 */
export const STALLED_MS = 1_000;
export const STRANDED_MS = 150;
/** A connection silent for so long is given up. */
export const SILENT_MS = 10_000;
/** The peer has so long to read a goodbye. */
export const GOODBYE_MS = 300;
/** A connection that broke sooner is followed by a pause before the next, as if its dial had failed. */
export const STABLE_MS = 1_000;
/** A peer that is neither connected nor heard for so long is forgotten. */
export const FORGET_MS = 60_000;
/** An instance seen for the first time is answered at once, but not more often than this. */
export const ANNOUNCE_PAUSE_MS = 20;
/** Datagrams that may overtake each other. */
export const REPLAY_WINDOW = 64;
/** Datagrams sent before a pulse may arrive after it, but no more than so many. */
export const PULSE_SLACK = 8;
/** What was refused is summed up in the log at most this often; while it goes on, twice as seldom each time. */
export const WARN_MS = 10_000;
export const MAX_WARN_MS = 3_600_000;
/** Fewer refusals are told together with the next: while a connection is made, a member's datagram may come too late for it. */
export const WORTH_A_WARNING = 3;
/** Without anything broadcast for so long, the transport announces itself. */
export const ANNOUNCE_MS = 200;
/** An event loop that stood still for so long judges nobody's silence. */
export const STALL_MS = 200;
/** Foreign clusters remembered as reported. */
export const MAX_FOREIGN = 16;
/** How often timers of the transport run. */
export const TICK_MS = 50;
