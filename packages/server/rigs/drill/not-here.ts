/** A part cannot be run on this machine; the message says what is missing. */
export class NotHere extends Error {}
