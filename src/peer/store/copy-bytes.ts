/**
 * Copies all of `bytes` into shared memory. `TypedArray.set` goes there word by word, since others might look on: measured
 * three times as slow.
 * @param at offset in `into`, which has room for them
 */
export function copyBytes(bytes: Uint8Array, into: Uint8Array, at: number): void {
  Buffer.prototype.copy.call(bytes, into, at);
}
