import { escapeHtml } from './html.ts'

/** Before the first release. */
const NOTHING_YET = '1970-01-01T00:00:00Z'
const RELEASE = /^## (\S+) – (\d{4}-\d{2}-\d{2})$/

/**
 * The changelog as an Atom feed: an entry for each release with its day, newest first as there; what is not released is not in it.
 * @param markdown  `CHANGELOG.md`
 * @see RFC 4287
 */
export function changelogFeed(markdown: string): string {
  const releases = markdown.split(/^(?=## )/m).flatMap((section) => {
    const [head = '', ...lines] = section.split('\n')
    const [, version, day] = RELEASE.exec(head) ?? []
    return version === undefined || day === undefined ? [] : [{ version, day, text: lines.join('\n').trim() }]
  })
  const entries = releases.map(
    ({ version, day, text }) => `  <entry>
    <id>urn:producersync:release:${escapeHtml(version)}</id>
    <title>ProducerSync ${escapeHtml(version)}</title>
    <updated>${atMidnight(day)}</updated>
    <link href="changelog"/>
    <content type="text">${escapeHtml(text)}</content>
  </entry>
`,
  )
  const [latest] = releases
  return `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <id>urn:producersync:releases</id>
  <title>Releases of ProducerSync</title>
  <updated>${latest ? atMidnight(latest.day) : NOTHING_YET}</updated>
  <author><name>ProducerSync</name></author>
  <link rel="self" href="changelog.atom"/>
${entries.join('')}</feed>
`
}

function atMidnight(day: string): string {
  return `${day}T00:00:00Z`
}
