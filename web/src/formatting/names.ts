/** Controls (line ends among them) and marks that change the direction of what follows. */
const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A name that somebody chose, with what cannot be seen in it made visible: `abc[U+202E]gnp.exe` must not look like a picture.
 */
export function visibleName(name: string): string {
  return name.replace(UNSEEN, '\ufffd').toWellFormed();
}
