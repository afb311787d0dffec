import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { breaksFormer, worksWith } from '../../../test/migration-rules.ts'

/** Two releases run on one database while one takes the place of the other (docs/decisions/0058). */

const folder = new URL('migrations/', import.meta.url)
const files = readdirSync(folder).map((name) => ({
  name,
  number: Number(name.slice(0, 3)),
  text: readFileSync(new URL(name, folder), 'utf8'),
}))
/** What has not been released has no release before it. */
const FIRST_RELEASE = 31

describe('a migration', () => {
  test.each(files.filter(({ number }) => number > FIRST_RELEASE))(
    '$name breaks nothing for the release before, and says from which on programs work with it',
    ({ number, text }) => {
      expect(breaksFormer(text)).toEqual([])
      const oldest = worksWith(text)
      expect(oldest).toBeLessThan(number)
      expect(oldest).toBeGreaterThanOrEqual(FIRST_RELEASE)
    },
  )

  test.each([
    ['drop table old', 'drops'],
    ['alter table endpoint drop column url', 'drops'],
    ['alter table endpoint\n  drop constraint a', 'drops'],
    ['alter table endpoint alter column url drop default', 'drops'],
    ['drop function token_by_hash(bytea)', 'drops'],
    ['drop policy api on task', 'drops'],
    ['alter table endpoint rename column url to address', 'renames'],
    ['alter table endpoint rename to receiver', 'renames'],
    ['alter table event alter column id type bigint', 'changes a type'],
    ['alter table event alter id set data type bigint', 'changes a type'],
    ['alter table event alter column npn set not null', 'refuses null'],
    ['alter table event add column kind text not null', 'requires kind'],
    ['alter table event add a text, add kind text not null', 'requires kind'],
    ['alter table event add constraint short check (length(id) < 9)', 'refuses rows of event'],
    ['create unique index once on event (uid)', 'refuses rows of event'],
    ['revoke select on event from psapi_api', 'revokes'],
  ])('%j is found to break the release before', (text, fault) => {
    expect(breaksFormer(text)).toEqual([fault])
    expect(breaksFormer(`-- contracts: no release uses it\n${text}`)).toEqual([])
  })

  test.each([
    'create table new (id text primary key, account_id text not null unique)',
    'create table new (id text); create unique index on new (id); alter table new add constraint c check (id > 0)',
    "alter table event add column kind text not null default 'x'",
    'alter table event add column kind text; create index on event (kind)',
    'create function f() returns trigger language plpgsql as $$ begin drop table x; end $$',
    'create or replace function f() returns int language sql as $f$ select 1 $f$; grant execute on function f() to psapi_api',
    '-- drop table old\nselect 1',
    'revoke execute on function f() from public',
    'alter table new enable row level security; create policy api on new to psapi_api using (true)',
  ])('%j is not', (text) => {
    expect(breaksFormer(text)).toEqual([])
  })

  test('of before the first release is found where it would have broken one', () => {
    const found = files.filter(({ text }) => breaksFormer(text).length > 0).map(({ number }) => number)
    expect(found).toEqual(expect.arrayContaining([5, 6, 7, 19, 20]))
    expect(found).not.toContain(23)
  })
})
