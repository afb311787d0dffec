import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { changelogFeed } from '../site/changelog-feed.ts'

const CHANGELOG = readFileSync(new URL('../../CHANGELOG.md', import.meta.url), 'utf8')

test('each release is an entry of the feed, with its day; what is not released is none', () => {
  const feed = changelogFeed(
    '# Changelog\n\nFor people.\n\n## 0.3.0 – unreleased\n\n- soon\n\n## 0.2.0 – 2027-02-01\n\n- **A** <b> & c\n\n## 0.1.0 – 2026-12-01\n\n- first\n',
  )
  expect(feed.match(/<id>.*<\/id>/g)).toEqual([
    '<id>urn:producersync:releases</id>',
    '<id>urn:producersync:release:0.2.0</id>',
    '<id>urn:producersync:release:0.1.0</id>',
  ])
  expect(feed.match(/<updated>.*<\/updated>/g)).toEqual(
    ['2027-02-01', '2027-02-01', '2026-12-01'].map((day) => `<updated>${day}T00:00:00Z</updated>`),
  )
  expect(feed).toContain('- **A** &lt;b&gt; &amp; c')
  expect(feed).not.toContain('soon')
})

test('every section of the changelog has a version, and a day or the word that there is none yet', () => {
  const heads = CHANGELOG.match(/^## .*$/gm) ?? []
  expect(heads.length).toBeGreaterThan(0)
  expect(heads.filter((head) => !/^## \d+\.\d+\.\d+ – (\d{4}-\d{2}-\d{2}|unreleased)$/.test(head))).toEqual([])
})
