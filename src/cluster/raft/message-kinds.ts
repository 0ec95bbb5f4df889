/** What members send each other, as kinds of `MemberTransport.send`. */
export const KIND_CONSENSUS = 1;
export const KIND_GENESIS = 2;
/** What the clients of the log of one instance send those of another. */
export const KIND_CLIENT = 3;
