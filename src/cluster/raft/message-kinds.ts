/** What members send each other, as kinds of `MemberTransport.send`. */
export const KIND_CONSENSUS = 1;
export const KIND_GENESIS = 2;
