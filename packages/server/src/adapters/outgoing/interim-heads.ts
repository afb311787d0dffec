const ONE = 0x31
const TWO = 0x32
const ZERO = 0x30
const LF = 0x0a
const CR = 0x0d
/** Where the status stands in `HTTP/1.1 100`. */
const STATUS_AT = 9

/**
 * Makes `100 Continue` into `102 Processing` in the bytes of one response before they are parsed.
 * undici takes an unasked 100 for the end of the connection, but a client must read past every interim
 * response it did not ask for (RFC 9110, 15.2); past a 102 undici does.
 */
export class InterimHeads {
  /** Characters seen of a status line's beginning, or -1 within the rest of a head. */
  #column = 0
  #lineBytes = 0
  #isHundred = false
  #done = false

  /** Patches the chunk in place; chunks must come in order. */
  patch(chunk: Uint8Array) {
    if (this.#done) return
    if (this.#column === 0 && chunk.length > STATUS_AT && chunk[STATUS_AT] !== ONE) {
      this.#done = true
      return
    }
    for (let index = 0; index < chunk.length && !this.#done; index++) {
      const byte = chunk[index] ?? 0
      if (this.#column >= 0) {
        if (this.#readStatus(byte)) chunk[index] = TWO
      } else {
        this.#readLine(byte)
      }
    }
  }

  /** @returns is this the last digit of a 100? */
  #readStatus(byte: number): boolean {
    const digit = this.#column - STATUS_AT
    this.#column += 1
    if (digit === 0 && byte !== ONE) this.#done = true
    if (digit === 1) this.#isHundred = byte === ZERO
    if (digit !== 2) return false
    this.#column = -1
    this.#lineBytes = 1
    return this.#isHundred && byte === ZERO
  }

  #readLine(byte: number) {
    if (byte === LF) {
      if (this.#lineBytes === 0) this.#column = 0
      this.#lineBytes = 0
    } else if (byte !== CR) {
      this.#lineBytes += 1
    }
  }
}
