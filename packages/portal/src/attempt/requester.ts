import { accountText } from '#src/text-account.ts'

/** Who asked for an attempt, as the activity says it: `Ada · Person`. @param text  `person Ada` */
export function requesterWords(text: string): string {
  const [, kind = '', name = ''] = /^(\S+) (.+)$/.exec(text) ?? []
  const word = accountText.activity.kinds[kind]
  return word === undefined ? text : accountText.activity.whoIs(name, word)
}
