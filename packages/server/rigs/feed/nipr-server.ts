import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

// A NIPR with one enormous report, in a process of its own: what is measured is the reader. The first line of stdin says how many
// bytes; the first line of stdout where it listens. It ends with stdin.
const BOUNDARY = 'uuid:rig'
const INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:report"/>'
const HEAD = `--${BOUNDARY}\r\nContent-Type: application/xop+xml\r\nContent-ID: <root>\r\n\r\n<Envelope><Body><R><alertsReport><alertsReport>${INCLUDE}</alertsReport></alertsReport></R></Body></Envelope>\r\n--${BOUNDARY}\r\nContent-ID: <report>\r\n\r\n<LicensingReportProcessResult>`
const TAIL = `</LicensingReportProcessResult>\r\n--${BOUNDARY}--\r\n`
const PEOPLE_PER_PIECE = 200

function* report(bytes: number): Generator<string> {
  yield HEAD
  for (let written = 0, number = 1; written < bytes; ) {
    let piece = ''
    for (let i = 0; i < PEOPLE_PER_PIECE; i += 1, number += 1)
      piece += `<Person key="P${number}"><ExternalIdentifier><TypeCode>NAICProducerCode</TypeCode><Id>${number}</Id></ExternalIdentifier><Name>${'x'.repeat(200)}</Name></Person>`
    written += piece.length
    yield piece
  }
  yield TAIL
}

process.stdin.once('data', (first) => {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', `multipart/related; boundary="${BOUNDARY}"`)
    pipeline(Readable.from(report(Number(first)), { objectMode: false }), response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.stdout.write(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}\n`)
  })
})
process.stdin.once('close', () => process.exit(0))
