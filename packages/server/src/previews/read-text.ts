/**
 * The text of a file that came from anybody's spreadsheet: UTF-8 or UTF-16, by its byte order mark or, without one, by where
 * its first zero byte stands. Bytes that are no text of the encoding are replaced: names in an older encoding stand beside
 * the NPNs and are not read.
 */
export async function* decoded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | undefined
  let start: Uint8Array = new Uint8Array()
  for await (const chunk of chunks) {
    if (decoder) {
      yield decoder.decode(chunk, { stream: true })
      continue
    }
    start = Buffer.concat([start, chunk])
    if (start.length < MARK_BYTES_MAX) continue
    decoder = new TextDecoder(encodingOf(start))
    yield decoder.decode(start, { stream: true })
  }
  decoder ??= new TextDecoder(encodingOf(start))
  yield start.length < MARK_BYTES_MAX ? decoder.decode(start) : decoder.decode()
}

const MARK_BYTES_MAX = 3

function encodingOf([first, second]: Uint8Array): string {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'utf-16be'
  return 'utf-8'
}
