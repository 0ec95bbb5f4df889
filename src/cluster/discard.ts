/**
 * Gives the memory of bytes back at once, for whoever is done with them and was their only owner. The collector would let tens of
 * megabytes pile up, and then stop the thread for them: it sees their small handles, not the bytes behind. Part of a larger
 * buffer stays.
 */
export function discard({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0) buffer.transfer(0);
}
