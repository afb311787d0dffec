/** Names in lower case; of repeated ones the first. */
export type PartHeaders = ReadonlyMap<string, string>

export type PartHandler = {
  partStart(headers: PartHeaders): void
  /** A view that is only good during the call. */
  partData(bytes: Buffer): void
  partEnd(): void
}

/** A message that is no multipart message, ends before its end, or is out of bounds. Says nothing of what it holds. */
export class MultipartBroken extends Error {
  constructor(reason: 'boundary' | 'headers' | 'too many parts' | 'cut off') {
    super(`multipart: ${reason}`)
    this.name = 'MultipartBroken'
  }
}

const HEADER_BYTES_MAX = 16_384
const PARTS_MAX = 64
/** Blanks that may follow a boundary in its line (RFC 2046, 5.1.1: transport padding). */
const PADDING_BYTES_MAX = 256
const NEW_LINE = Buffer.from('\r\n')
const HEADERS_END = Buffer.from('\r\n\r\n')
const [DASH, SPACE, TAB, CARRIAGE_RETURN] = [0x2d, 0x20, 0x09, 0x0d]
const BOUNDARY = /^[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9'()+_,./:=?-]$/

/**
 * Reads a multipart body (RFC 2046, 5.1) as it comes, however it is cut. It holds back no more than one part's headers,
 * or as much as a boundary is long.
 */
export class MultipartReader {
  readonly #handler: PartHandler
  readonly #delimiter: Buffer
  #state: 'preamble' | 'headers' | 'body' | 'done' = 'preamble'
  /** A boundary at the very start has no line before it: it is read as if there were one. */
  #rest: Buffer = NEW_LINE
  #parts = 0

  /** @throws MultipartBroken when no message can have this boundary */
  constructor(boundary: string, handler: PartHandler) {
    if (!BOUNDARY.test(boundary)) throw new MultipartBroken('boundary')
    this.#delimiter = Buffer.from(`\r\n--${boundary}`)
    this.#handler = handler
  }

  get heldBytes(): number {
    return this.#rest.length
  }

  /** @throws MultipartBroken, and whatever the handler throws */
  write(bytes: Uint8Array): void {
    const buffer = this.#rest.length === 0 ? asBuffer(bytes) : Buffer.concat([this.#rest, bytes])
    let at = 0
    for (let next: number | undefined = 0; next !== undefined; next = this.#read(buffer, at)) at = next
    if (this.#state !== 'headers') at += this.#giveCertainData(buffer.subarray(at))
    // a copy: what is held must not keep the whole chunk alive
    this.#rest = Buffer.from(buffer.subarray(at))
  }

  /** @throws MultipartBroken when the closing boundary has not come */
  end(): void {
    if (this.#state !== 'done') throw new MultipartBroken('cut off')
  }

  /** Reads the next headers or boundary after `start`; gives where it ends, or undefined when more bytes are needed. */
  #read(buffer: Buffer, start: number): number | undefined {
    if (this.#state === 'done') return undefined
    return this.#state === 'headers' ? this.#readHeaders(buffer, start) : this.#readBoundary(buffer, start)
  }

  #readHeaders(buffer: Buffer, start: number): number | undefined {
    // starts with the end of the boundary's line, so that no headers at all are no other case
    const end = buffer.indexOf(HEADERS_END, start)
    if ((end < 0 ? buffer.length : end) - start > HEADER_BYTES_MAX) throw new MultipartBroken('headers')
    if (end < 0) return undefined
    this.#parts += 1
    if (this.#parts > PARTS_MAX) throw new MultipartBroken('too many parts')
    this.#state = 'body'
    this.#handler.partStart(parseHeaders(buffer.toString('latin1', start, end)))
    return end + HEADERS_END.length
  }

  #readBoundary(buffer: Buffer, start: number): number | undefined {
    const at = buffer.indexOf(this.#delimiter, start)
    if (at < 0) return undefined
    const after = at + this.#delimiter.length
    const line = readBoundaryLine(buffer, after)
    if (line === 'cut off') return undefined
    if (line === 'data') {
      this.#give(buffer.subarray(start, after))
      return after
    }
    this.#give(buffer.subarray(start, at))
    if (this.#state === 'body') this.#handler.partEnd()
    this.#state = line.closes ? 'done' : 'headers'
    return line.end
  }

  /** Gives what cannot belong to a boundary that is still to come; gives back how much that was. */
  #giveCertainData(buffer: Buffer): number {
    if (this.#state === 'done') return buffer.length
    const begun = buffer.indexOf(this.#delimiter)
    // a boundary starts with a line end: without one in the last bytes nothing needs to be held back, and copied
    const lineEnd = buffer.indexOf(CARRIAGE_RETURN, Math.max(0, buffer.length - this.#delimiter.length + 1))
    const certain = begun >= 0 ? begun : lineEnd >= 0 ? lineEnd : buffer.length
    this.#give(buffer.subarray(0, certain))
    return certain
  }

  #give(bytes: Buffer): void {
    if (this.#state === 'body' && bytes.length > 0) this.#handler.partData(bytes)
  }
}

/** What follows a boundary: `end` is where its line ends (the line end itself belongs to the headers after it). */
function readBoundaryLine(buffer: Buffer, after: number): { closes: boolean; end: number } | 'data' | 'cut off' {
  if (buffer[after] === DASH) {
    if (buffer.length === after + 1) return 'cut off'
    return buffer[after + 1] === DASH ? { closes: true, end: after + 2 } : 'data'
  }
  let end = after
  while (buffer[end] === SPACE || buffer[end] === TAB) end += 1
  if (end - after > PADDING_BYTES_MAX) return 'data'
  if (buffer.length < end + NEW_LINE.length) return isPrefixOf(NEW_LINE, buffer.subarray(end)) ? 'cut off' : 'data'
  return isPrefixOf(buffer.subarray(end), NEW_LINE) ? { closes: false, end } : 'data'
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Does `whole` start with `start`? */
function isPrefixOf(whole: Buffer, start: Buffer): boolean {
  return whole.subarray(0, start.length).equals(start)
}

function parseHeaders(text: string): PartHeaders {
  const headers = new Map<string, string>()
  // a line that starts with a blank goes on with the one before it
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim().toLowerCase()
    if (colon > 0 && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim())
  }
  return headers
}
