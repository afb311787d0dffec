import { VerificationError } from './verification-error.ts'

/** A webhook's body, unchanged: its bytes, or its text. */
export type Body = string | ArrayBuffer | ArrayBufferView

/** 1 MiB: four times the largest event the service accepts by default. */
export const bodyBytesDefaultMax = 1_048_576

/** @throws VerificationError `body_not_bytes`, `body_too_large` */
export function bytesOf(body: Body, bytesMax: number): Uint8Array {
  const bytes = toBytes(body)
  if (!bytes) throw new VerificationError('body_not_bytes', `The body is ${describe(body)}, not bytes or text.`)
  if (bytes.length > bytesMax) throw tooLarge(bytesMax)
  return bytes
}

/**
 * Reads the body of a request, and no more of it than `bytesMax`.
 * @throws VerificationError `body_not_bytes` when something has read it before, `body_too_large` */
export async function readRequest(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (request.bodyUsed) throw new VerificationError('body_not_bytes', 'The body of this request was read before.')
  const reader = request.body?.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    const bytes: Uint8Array = read.value
    length += bytes.length
    if (length > bytesMax) {
      await reader?.cancel()
      throw tooLarge(bytesMax)
    }
    chunks.push(bytes)
  }
  return concat(chunks)
}

/** By its form: a request may come from another realm or a polyfill. */
export function isRequest(body: Body | Request): body is Request {
  return typeof body === 'object' && body !== null && 'bodyUsed' in body && 'headers' in body
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

const encoder = new TextEncoder()

function toBytes(body: unknown): Uint8Array | undefined {
  if (typeof body === 'string') return encoder.encode(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  return isArrayBuffer(body) ? new Uint8Array(body) : undefined
}

// Not instanceof: Jest and vm give their code a realm, and an ArrayBuffer, of its own.
function isArrayBuffer(body: unknown): body is ArrayBuffer {
  return Object.prototype.toString.call(body) === '[object ArrayBuffer]'
}

function describe(body: unknown): string {
  if (body === undefined || body === null) return String(body)
  if (typeof body !== 'object') return `a ${typeof body}`
  return 'then' in body ? 'a promise' : 'bodyUsed' in body ? 'a request' : 'an object'
}

export function tooLarge(bytesMax: number): VerificationError {
  return new VerificationError('body_too_large', `The body has more than ${bytesMax} bytes.`)
}
